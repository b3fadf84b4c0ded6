export function isGguf(file: string): boolean {
  return file.toLowerCase().endsWith('.gguf');
}

/** The GGUF files of a folder, in alphabetical order. */
export function ggufNames(names: readonly string[]): string[] {
  return names.filter(isGguf).sort();
}
