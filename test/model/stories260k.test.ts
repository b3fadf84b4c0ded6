import { expect, it } from 'vitest';
import { loadModel, readTensor } from '../../src/model/index.js';
import { stories260kDecoder, writeStories260k } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

it('stories260K is converted to a Hugging Face llama with all of its weights', async () => {
  const folder = await temporaryFolder();
  await writeStories260k(folder);
  const { spec, tensors } = await loadModel(folder);
  expect(spec).toMatchObject({
    layers: 5,
    heads: 8,
    keyValueHeads: 4,
    headDim: 8,
    tiedEmbeddings: true,
    rotaryPairing: 'half',
  });
  // The norms of a trained model are near one; a slip in the layout would put matrix entries there.
  const norm = await readTensor(tensors.get('model.norm.weight')!);
  expect(Math.min(...norm)).toBeGreaterThan(0.5);
});

it('its tokenizer decodes the beginning of the published story', async () => {
  const decode = await stories260kDecoder();
  expect(decode([1, 403, 407, 261, 378, 432, 383, 286, 261, 376])).toBe('Once upon a time, there was a little');
});
