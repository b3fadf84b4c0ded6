import { readFileSync } from 'node:fs';

interface Changes {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly drop?: readonly string[];
}

interface Case extends Changes {
  readonly name: string;
  readonly base: string;
  readonly rope_scaling?: Changes & { readonly block: string };
  readonly rope_parameters?: Changes & { readonly block: string };
  readonly lengths: readonly number[];
  readonly verdicts: string;
  readonly traps: readonly string[];
}

interface Hostile {
  readonly core: object;
  readonly bases: Readonly<Record<string, object>>;
  readonly blocks: Readonly<Record<string, object>>;
  readonly cases: readonly Case[];
}

export interface HostileConfig extends Pick<Case, 'name' | 'lengths' | 'verdicts' | 'traps'> {
  readonly config: Readonly<Record<string, unknown>>;
}

function laidOver(base: object, { set = {}, drop = [] }: Changes): Record<string, unknown> {
  const merged = Object.entries({ ...base, ...set });
  return Object.fromEntries(merged.filter(([key]) => !drop.includes(key)));
}

/** Configs as people have them, put together as parity/inspect_golden.py does. */
export function hostileConfigs(): HostileConfig[] {
  const file = new URL('../oracle/hostile-configs.json', import.meta.url);
  const { core, bases, blocks, cases } = JSON.parse(readFileSync(file, 'utf8')) as Hostile;
  return cases.map((each) => {
    const config = laidOver({ ...core, ...bases[each.base] }, each);
    for (const name of ['rope_scaling', 'rope_parameters'] as const) {
      const changes = each[name];
      if (changes !== undefined) config[name] = laidOver(blocks[changes.block]!, changes);
    }
    const { name, lengths, verdicts, traps } = each;
    return { name, lengths, verdicts, traps, config };
  });
}
