/**
 * transformers.js on an exported folder: node reference_transformers_js.mjs NODE_FOLDER MODEL_FOLDER DTYPE, where NODE_FOLDER has
 * @huggingface/transformers installed. Reads JSON lines {ids, new_tokens}; answers greedy tokens, logits after the prompt, a decoded text.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [nodeFolder, modelFolder, dtype] = process.argv.slice(2);
const entry = createRequire(path.join(path.resolve(nodeFolder), 'x.js')).resolve('@huggingface/transformers');
const { AutoModelForCausalLM, AutoTokenizer, env, Tensor } = await import(pathToFileURL(entry).href);
env.allowRemoteModels = false;
env.localModelPath = path.dirname(path.resolve(modelFolder));
const name = path.basename(modelFolder);
const tokenizer = await AutoTokenizer.from_pretrained(name);
const model = await AutoModelForCausalLM.from_pretrained(name, { dtype });
for await (const line of createInterface({ input: process.stdin })) {
  const { ids, new_tokens } = JSON.parse(line);
  const tensor = (values) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const inputs = { input_ids: tensor(ids), attention_mask: tensor(ids.map(() => 1)) };
  const { logits } = await model(inputs);
  const vocabulary = logits.dims[2];
  const last = logits.data.slice(-vocabulary);
  const sequence = await model.generate({ ...inputs, max_new_tokens: new_tokens, do_sample: false });
  const tokens = [...sequence.data].map(Number).slice(ids.length);
  const text = tokenizer.decode(ids, { skip_special_tokens: true });
  process.stdout.write(`${JSON.stringify({ version: env.version, tokens, logits: [...last], text })}\n`);
}
