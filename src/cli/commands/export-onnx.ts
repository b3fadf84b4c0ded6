import { type Command, Option } from 'commander';
import { byteSize, type ExportFlags, exportSubcommand } from './export-options.js';

export interface ExportOnnxFlags extends ExportFlags {
  readonly dtype: 'float32' | 'float16';
  readonly logits: 'all' | 'last';
  readonly maxShardSize: number;
}

export function exportOnnxCommand(): Command {
  return exportSubcommand('onnx')
    .description(
      'A folder for onnxruntime-genai and transformers.js: ONNX model with its rotary tables, tokenizer, configs.',
    )
    .requiredOption('--out <folder>', 'folder to make')
    .addOption(
      new Option('--dtype <type>', 'in which weights are stored').choices(['float32', 'float16']).default('float32'),
    )
    .addOption(
      new Option('--logits <which>', 'of all new tokens, or of the last one only')
        .choices(['all', 'last'])
        .default('all'),
    )
    .option('--max-shard-size <size>', 'of a data file; browsers hold at most 2GB', byteSize, 2e9)
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: ExportOnnxFlags) => {
      const { runExportOnnx } = await import('../actions/export-onnx.js');
      await runExportOnnx(model, flags);
    });
}
