import { Command, InvalidArgumentError, Option } from 'commander';
import { tokenLength } from '../parsers.js';

/** Flags that every export has. */
export interface ExportFlags {
  readonly rope: string;
  readonly short?: string;
  readonly target?: number;
  readonly out: string;
  readonly json?: true;
}

const ROPE = '--rope <factors>';
const ROPE_HELP =
  'factor file (.csv, .json), none, pi, ntk or yarn with :RATIO, or model (as it is); @ATTENTION may follow';

export function exportSubcommand(name: string, { ropeIsRequired = true } = {}): Command {
  const command = new Command(name).argument('<model>', 'folder with config.json and safetensors, or a .gguf file');
  return (ropeIsRequired ? command.requiredOption(ROPE, ROPE_HELP) : command.option(ROPE, ROPE_HELP))
    .option('--short <file>', 'factors up to the original length (default: 1)')
    .option('--target <tokens>', 'length the factors are for, if their file does not say', tokenLength);
}

export function dtypeOption(): Option {
  return new Option('--dtype <type>', 'write the weights anew in this type (default for GGUF: float32)').choices([
    'float32',
    'float16',
    'bfloat16',
  ]);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 1e3, mb: 1e6, gb: 1e9 };

export function byteSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]b)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (!(bytes >= 1)) throw new InvalidArgumentError('Expected a size such as 500MB or 5GB.');
  return bytes;
}
