import { Command, InvalidArgumentError, Option } from 'commander';
import { collectOf, tokenLength } from '../parsers.js';
import { exportOnnxCommand } from './export-onnx.js';
import { byteSize, dtypeOption, type ExportFlags, exportSubcommand } from './export-options.js';
import { exportTrainingCommand } from './export-training.js';

export interface ExportHfFlags extends Omit<ExportFlags, 'rope'> {
  readonly rope?: string;
  /** Hand-off folder the model was trained from. */
  readonly restore?: string;
  readonly force?: true;
  readonly weights: 'copy' | 'link' | 'none';
  readonly dtype?: 'float32' | 'float16' | 'bfloat16';
  readonly maxShardSize?: number;
  readonly profile?: 'redundant' | 'phi3-legacy';
  readonly engine?: readonly ('transformers' | 'vllm' | 'sglang' | 'onnxruntime-genai')[];
  readonly factorSet: readonly { readonly length: number; readonly path: string }[];
}

export interface ExportGgufFlags extends ExportFlags {
  readonly force?: true;
  readonly type: 'keep' | 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0' | 'Q4_1';
  readonly tokenizer: boolean;
}

export function exportCommand(): Command {
  const parent = new Command('export').description('Write a model with its factors for other engines.');
  parent.addCommand(hfCommand());
  parent.addCommand(ggufCommand());
  parent.addCommand(exportOnnxCommand());
  parent.addCommand(exportTrainingCommand());
  return parent;
}

function hfCommand(): Command {
  const names = ['transformers', 'vllm', 'sglang', 'onnxruntime-genai'];
  return exportSubcommand('hf', { ropeIsRequired: false })
    .description(
      'A Hugging Face folder: config.json that transformers 4 and 5, vLLM and SGLang read alike, and weights.',
    )
    .option('--restore <handoff>', 'instead of --rope: the folder of export training that this model was trained from')
    .requiredOption('--out <folder>', 'folder to make')
    .addOption(
      new Option('--weights <how>', 'copy, link (hard link, or symbolic on another disk) or none')
        .choices(['copy', 'link', 'none'])
        .default('copy'),
    )
    .addOption(dtypeOption())
    .option('--max-shard-size <size>', 'of weights that are written anew, e.g. 500MB (default: 5GB)', byteSize)
    .addOption(
      new Option('--profile <name>', 'keys of the longrope block; default: phi3-legacy for phi3').choices([
        'redundant',
        'phi3-legacy',
      ]),
    )
    .option(
      '--engine <name>',
      `engine it must be exact for: ${names.join(', ')}; repeatable (default: transformers)`,
      collectOf(names),
    )
    .option('--factor-set <length=file>', 'factors of one more length, kept in a side file; repeatable', factorSet)
    .option('--force', 'replace files of the same names in a folder that is not empty')
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: ExportHfFlags) => {
      const { runExportHf } = await import('../actions/export-hf.js');
      await runExportHf(model, {
        ...flags,
        factorSet: flags.factorSet ?? [],
      });
    });
}

function ggufCommand(): Command {
  return exportSubcommand('gguf')
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

function factorSet(text: string, previous: readonly object[] = []): object[] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new InvalidArgumentError('Expected LENGTH=FILE such as 8k=runs/8k/factors.json.');
  return [...previous, { length: tokenLength(text.slice(0, at)), path: text.slice(at + 1) }];
}
