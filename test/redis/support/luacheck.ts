/** What Redis gives a script beside Lua 5.1. An unused local, an unknown name or a shadowed one is an error. */
export const luacheckOptions: readonly string[] = [
  "--std",
  "lua51",
  "--read-globals",
  "redis",
  "KEYS",
  "ARGV",
  "--no-max-line-length",
  "--",
];
