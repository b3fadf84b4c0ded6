// Exports a model to GGUF in a fresh process and prints its peak memory in bytes: node measure-memory.mjs MODEL OUT.gguf TYPE
import { exportGguf } from '../../dist/workflow/index.js';

const [model, out, type] = process.argv.slice(2);
await exportGguf({ model, out, rope: 'yarn:4', force: false, type, tokenizer: false });
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
