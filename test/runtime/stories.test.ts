import { expect, it } from 'vitest';
import { loadModel, prepareWeights } from '../../src/model/index.js';
import { resolveRope } from '../../src/rope/frequencies.js';
import { sha256 } from '../../src/run/index.js';
import { DecoderEngine } from '../../src/runtime/index.js';
import { stories260kDecoder, writeStories260k } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** llama2.c prints 256 steps: BOS and 256 greedy tokens, the last of them cut by the step limit. */
const STEPS = 256;

/** sha256 of the story in llama2.c's doc/stories260K.md, 565 characters. */
const PUBLISHED = '30b2ffb07967932a88bfdf5e23b517a6f4cfcf7231db9e537360d3c12a4e4d10';

it('stories260K tells its published story word for word (head size 8: rotation outside the attention kernel)', async () => {
  const folder = await temporaryFolder();
  await writeStories260k(folder);
  const model = await loadModel(folder);
  const { geometry, scaling } = model.spec.rope;
  const weights = await prepareWeights(model);
  const engine = await DecoderEngine.create({
    spec: model.spec,
    weights,
    threads: 1,
    cacheTokens: STEPS,
    opens: 'cached',
  });
  const stages = [{ maxLength: STEPS, rope: resolveRope(geometry, scaling, STEPS) }];
  const bos = Int32Array.of(1);
  const [answer] = await engine.generate({ prompts: [bos], stages, maxNewTokens: STEPS, stopIds: [] });
  await engine.close();
  const decode = await stories260kDecoder();
  const story = decode([...bos, ...(answer ?? [])]);
  expect(story).toMatch(
    /^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\./,
  );
  expect(sha256(story)).toBe(PUBLISHED);
});
