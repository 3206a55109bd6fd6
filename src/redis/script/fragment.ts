/** A piece of Lua that scripts share: one value, constant or function, which is a local of its own name. */
export interface Fragment {
  readonly lua: string;
  /** The fragments whose names its Lua uses. It sees nothing else: no key, no argument, no local of a script. */
  readonly needs: readonly Fragment[];
}

export function fragment(lua: string, ...needs: readonly Fragment[]): Fragment {
  return { lua: lua.trim(), needs };
}

/** Returns the Lua of the fragments and of all that they need, each once, and behind what it needs. */
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
