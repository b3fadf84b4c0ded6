import path from 'node:path';
import { expect, it } from 'vitest';
import { type ArchitectureDeclaration, resolveDecoder } from '../../src/model/architecture.js';
import { llama } from '../../src/model/architectures/llama.js';
import { bindTensors } from '../../src/model/decoder-tensors.js';
import { openSafetensors, readTensor } from '../../src/model/index.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { randomTensors, TINY_CONFIG } from '../helpers/tiny-checkpoint.js';
import { writeSafetensors } from '../helpers/write-safetensors.js';

/** What phi3 will need: one stored module for several canonical ones. */
const fused: ArchitectureDeclaration = {
  ...llama,
  storedModules: {
    'self_attn.q_proj': 'self_attn.qkv_proj',
    'self_attn.k_proj': 'self_attn.qkv_proj',
    'self_attn.v_proj': 'self_attn.qkv_proj',
    'mlp.gate_proj': 'mlp.gate_up_proj',
    'mlp.up_proj': 'mlp.gate_up_proj',
  },
};

it('a fused tensor is split by rows without a copy', async () => {
  const separate = randomTensors(TINY_CONFIG);
  const merged = new Map<string, (typeof separate)[number]>();
  for (const tensor of separate) {
    const name = tensor.name.replace(/[qkv]_proj/, 'qkv_proj').replace(/(gate|up)_proj/, 'gate_up_proj');
    const before = merged.get(name);
    const rows = (before?.shape[0] ?? 0) + tensor.shape[0]!;
    merged.set(name, {
      ...tensor,
      name,
      shape: [rows, ...tensor.shape.slice(1)],
      bytes: Buffer.concat([before?.bytes ?? new Uint8Array(0), tensor.bytes]),
    });
  }
  const folder = await temporaryFolder();
  await writeSafetensors(path.join(folder, 'model.safetensors'), [...merged.values()]);
  const { spec } = resolveDecoder(fused, TINY_CONFIG, {
    locate: (key) => key,
    rotaryPairing: 'half',
    hasOutputHead: true,
  });
  const bound = bindTensors(fused, spec, await openSafetensors(folder));
  expect([...bound.keys()].sort()).toEqual(separate.map(({ name }) => name).sort());
  for (const { name, shape, bytes } of separate) {
    expect(bound.get(name)!.shape).toEqual(shape);
    expect(new Uint8Array((await readTensor(bound.get(name)!)).buffer), name).toEqual(new Uint8Array(bytes));
  }
});
