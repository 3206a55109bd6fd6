/** A piece of Lua that scripts share: one value, constant or function. It is a local with a name of its own. */
export interface Fragment {
  readonly lua: string;
  /** The fragments whose names its Lua uses. It can use nothing else: no key, argument or local of a script. */
  readonly needs: readonly Fragment[];
}

export function fragment(lua: string, ...needs: readonly Fragment[]): Fragment {
  return { lua: lua.trim(), needs };
}

/** Returns the Lua of the fragments and of everything that they need, each once, after what it needs. */
export function assembled(uses: readonly Fragment[]): string {
  const ordered = new Set<Fragment>();
  const add = (one: Fragment): void => {
    if (ordered.has(one)) return;
    one.needs.forEach(add);
    ordered.add(one);
  };
  uses.forEach(add);
  return [...ordered].map(({ lua }) => lua).join("\n");
}
