/** The last part of a path, which is what reports call a model or text. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

/**
 * What a report calls several paths, in their order: without the last parts that all of them have (`model`, of folders of runs), as many of the
 * last parts as keep them apart.
 */
export function namesApart(paths: readonly string[]): string[] {
  if (new Set(paths).size < 2) return paths.map(baseName);
  let parts = paths.map((path) => path.split(/[\\/]/).filter(Boolean));
  const isShared = () => new Set(parts.map((own) => own.at(-1))).size === 1 && parts.every((own) => own.length > 1);
  while (isShared()) parts = parts.map((own) => own.slice(0, -1));
  const distinct = new Set(paths).size;
  for (let count = 1; count <= Math.max(...parts.map((own) => own.length)); count++) {
    const names = parts.map((own) => own.slice(-count).join('/'));
    if (new Set(names).size === distinct) return names;
  }
  return [...paths];
}

/** What a heading calls the inputs of a record: the last part of each path, of many the first; other names as they are. */
export function shortName(inputs: string): string {
  const [first = inputs, ...others] = inputs.split(', ').map((name) => (name.endsWith(')') ? name : baseName(name)));
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
