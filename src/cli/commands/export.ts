import { Command, InvalidArgumentError, Option } from 'commander';
import { collect, tokenLength } from '../parsers.js';

interface SharedFlags {
  readonly rope: string;
  readonly short?: string;
  readonly target?: number;
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

export interface ExportHfFlags extends SharedFlags {
  readonly weights: 'copy' | 'link' | 'none';
  readonly dtype?: 'float32' | 'float16' | 'bfloat16';
  readonly maxShardSize: number;
  readonly profile: 'redundant' | 'phi3-legacy';
  readonly engine: readonly ('transformers' | 'vllm' | 'sglang' | 'onnxruntime-genai')[];
  readonly factorSet: readonly { readonly length: number; readonly path: string }[];
}

export interface ExportGgufFlags extends SharedFlags {
  readonly type: 'keep' | 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0' | 'Q4_1';
  readonly tokenizer: boolean;
}

export function exportCommand(): Command {
  const parent = new Command('export').description('Write a model with its factors for other engines.');
  parent.addCommand(hfCommand());
  parent.addCommand(ggufCommand());
  return parent;
}

function shared(name: string): Command {
  return new Command(name)
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .requiredOption(
      '--rope <factors>',
      'factor file (.csv, .json), none, pi, ntk or yarn with :RATIO, or model (as it is); @ATTENTION may follow',
    )
    .option('--short <file>', 'factors up to the original length (default: 1)')
    .option('--target <tokens>', 'length the factors are for, if their file does not say', tokenLength);
}

function hfCommand(): Command {
  const names = ['transformers', 'vllm', 'sglang', 'onnxruntime-genai'];
  return shared('hf')
    .description(
      'A Hugging Face folder: config.json that transformers 4 and 5, vLLM and SGLang read alike, and weights.',
    )
    .requiredOption('--out <folder>', 'folder to make')
    .addOption(
      new Option('--weights <how>', 'copy, link (hard link, or symbolic on another disk) or none')
        .choices(['copy', 'link', 'none'])
        .default('copy'),
    )
    .addOption(
      new Option('--dtype <type>', 'write the weights anew in this type (default for GGUF: float32)').choices([
        'float32',
        'float16',
        'bfloat16',
      ]),
    )
    .option('--max-shard-size <size>', 'e.g. 500MB, 5GB; larger weights are split', byteSize, 5e9)
    .addOption(
      new Option('--profile <name>', 'phi3-legacy: Phi-3 for transformers 4')
        .choices(['redundant', 'phi3-legacy'])
        .default('redundant'),
    )
    .option(
      '--engine <name>',
      `engine it must be exact for: ${names.join(', ')}; repeatable (default: transformers)`,
      (value: string, previous?: readonly string[]) => {
        if (!names.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}.`);
        return collect(value, previous);
      },
    )
    .option('--factor-set <length=file>', 'factors of one more length, kept in a side file; repeatable', factorSet)
    .option('--force', 'replace files of the same names in a folder that is not empty')
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: ExportHfFlags) => {
      const { runExportHf } = await import('../actions/export-hf.js');
      await runExportHf(model, {
        ...flags,
        engine: flags.engine ?? ['transformers'],
        factorSet: flags.factorSet ?? [],
      });
    });
}

function ggufCommand(): Command {
  return shared('gguf')
    .description('One GGUF file for llama.cpp: factor tensors, attention factor, tokenizer.')
    .requiredOption('--out <file>', 'file to write, ending with .gguf')
    .addOption(
      new Option('--type <type>', 'of the matrices; keep leaves them as they are')
        .choices(['keep', 'F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'])
        .default('keep'),
    )
    .option('--no-tokenizer', 'leave the tokenizer out')
    .option('--force', 'replace the file if it exists')
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: ExportGgufFlags) => {
      const { runExportGguf } = await import('../actions/export-gguf.js');
      await runExportGguf(model, flags);
    });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 1e3, mb: 1e6, gb: 1e9 };

function byteSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]b)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (!(bytes >= 1)) throw new InvalidArgumentError('Expected a size such as 500MB or 5GB.');
  return bytes;
}

function factorSet(text: string, previous: readonly object[] = []): object[] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new InvalidArgumentError('Expected LENGTH=FILE such as 8k=runs/8k/factors.json.');
  return [...previous, { length: tokenLength(text.slice(0, at)), path: text.slice(at + 1) }];
}
