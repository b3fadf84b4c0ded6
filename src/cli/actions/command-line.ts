/** The running command as one can type it again. */
export function commandLine(rawArguments: readonly string[] = process.argv.slice(2)): string {
  const quoted = rawArguments.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  return ['npx longrope', ...quoted].join(' ');
}
