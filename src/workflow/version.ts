import { readFileSync } from 'node:fs';

/** Version of this program, stored with every result. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
