/** Whether a path of dot-separated names matches `pattern`, in which `*` stands for one name and `**` for any number. */
export function matchesPath(pattern: string, path: string): boolean {
  const source = pattern.split(".").map((name) =>
    name === "**" ? "[^.]+(?:\\.[^.]+)*" : name.replace(/[^*\w]/g, "\\$&").replaceAll("*", "[^.]*")
  );
  return new RegExp(`^${source.join("\\.")}$`).test(path);
}
