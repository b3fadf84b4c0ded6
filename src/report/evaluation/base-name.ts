/** The last part of a path, which is what reports call a model or text. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

/** What a heading calls the inputs of a record: the last part of each path, of many the first; other names as they are. */
export function shortName(inputs: string): string {
  const [first = inputs, ...others] = inputs.split(', ').map((name) => (name.endsWith(')') ? name : baseName(name)));
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
