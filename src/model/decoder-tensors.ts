import { type Problem, UserError } from '../errors.js';
import type { ArchitectureDeclaration } from './architecture.js';
import { READABLE_DTYPES } from './checkpoint/layouts.js';
import { ggufTensorName } from './gguf/tensor-names.js';
import { layerNorms } from './layer-norms.js';
import type { Checkpoint, DecoderSpec, StoredTensor } from './types.js';

/** Tensors of old checkpoints that hold nothing the config does not say (transformers and llama.cpp skip them too). */
const IGNORED =
  /(^|\.)rotary_emb\.inv_freq$|^blk\.\d+\.attn_rot_embd\.weight$|^rope_(freqs|factors_long|factors_short)\.weight$/;

/** Canonical name -> shape of every tensor that the decoder graph reads. */
export function decoderTensors(spec: DecoderSpec): Map<string, readonly number[]> {
  const { hiddenSize, intermediateSize, vocabularySize, attentionBias: bias } = spec;
  const queryRows = spec.heads * spec.headDim;
  const keyRows = spec.keyValueHeads * spec.headDim;
  const tensors = new Map<string, readonly number[]>();
  const projection = (name: string, rows: number, columns: number, hasBias: boolean) => {
    tensors.set(`${name}.weight`, [rows, columns]);
    if (hasBias) tensors.set(`${name}.bias`, [rows]);
  };
  const gatedMlp = (name: string, [gate, up, down]: readonly [string, string, string]) => {
    projection(`${name}.${gate}`, intermediateSize, hiddenSize, spec.mlpBias);
    projection(`${name}.${up}`, intermediateSize, hiddenSize, spec.mlpBias);
    projection(`${name}.${down}`, hiddenSize, intermediateSize, spec.mlpBias);
  };
  tensors.set('model.embed_tokens.weight', [vocabularySize, hiddenSize]);
  for (let layer = 0; layer < spec.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const norm of Object.values(layerNorms(spec.normPlacement)))
      if (norm !== null) tensors.set(`${prefix}.${norm}.weight`, [hiddenSize]);
    projection(`${prefix}.self_attn.q_proj`, queryRows, hiddenSize, bias.query);
    projection(`${prefix}.self_attn.k_proj`, keyRows, hiddenSize, bias.key);
    projection(`${prefix}.self_attn.v_proj`, keyRows, hiddenSize, bias.value);
    projection(`${prefix}.self_attn.o_proj`, hiddenSize, queryRows, bias.output);
    if (spec.queryKeyNorm !== 'none') {
      const perHead = spec.queryKeyNorm === 'head';
      tensors.set(`${prefix}.self_attn.q_norm.weight`, [perHead ? spec.headDim : queryRows]);
      tensors.set(`${prefix}.self_attn.k_norm.weight`, [perHead ? spec.headDim : keyRows]);
    }
    if (spec.experts === null) gatedMlp(`${prefix}.mlp`, ['gate_proj', 'up_proj', 'down_proj']);
    else {
      const experts = `${prefix}.block_sparse_moe`;
      projection(`${experts}.gate`, spec.experts.count, hiddenSize, false);
      for (let expert = 0; expert < spec.experts.count; expert++)
        gatedMlp(`${experts}.experts.${expert}`, ['w1', 'w3', 'w2']);
    }
  }
  tensors.set('model.norm.weight', [hiddenSize]);
  if (!spec.tiedEmbeddings) tensors.set('lm_head.weight', [vocabularySize, hiddenSize]);
  return tensors;
}

/** The name under which a checkpoint of this format keeps a canonical tensor (for a fused one: the tensor it is part of). */
export function storedName(
  canonical: string,
  declaration: ArchitectureDeclaration,
  format: Checkpoint['format'],
): string {
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(canonical) ?? [];
  const stored =
    module === undefined ? canonical : `model.layers.${layer}.${declaration.storedModules?.[module] ?? module}.${kind}`;
  return format === 'gguf' ? ggufTensorName(stored, declaration.normPlacement) : stored;
}

/**
 * Finds every tensor of the decoder in the checkpoint. A fused tensor is split by rows, which are contiguous. Throws one
 * `UserError` with everything that is missing, has another shape or dtype, or is there without a place in the decoder:
 * ignoring a tensor would silently compute another model.
 */
export function bindTensors(
  declaration: ArchitectureDeclaration,
  spec: DecoderSpec,
  checkpoint: Checkpoint,
): Map<string, StoredTensor> {
  const where = checkpoint.files.length === 1 ? checkpoint.files[0]! : `${checkpoint.files.length} weight files`;
  const parts = new Map<string, { name: string; shape: readonly number[] }[]>();
  for (const [name, shape] of decoderTensors(spec)) {
    const stored = storedName(name, declaration, checkpoint.format);
    parts.set(stored, [...(parts.get(stored) ?? []), { name, shape }]);
  }
  const bound = new Map<string, StoredTensor>();
  const missing: string[] = [];
  const problems: Problem[] = [];
  for (const [stored, members] of parts) {
    const dtype = checkpoint.unreadable.get(stored);
    const tensor = checkpoint.tensors.get(stored);
    const rows = members.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const expected = [rows, ...members[0]!.shape.slice(1)];
    if (dtype !== undefined)
      problems.push({ where: `${where}: ${stored}`, expected: `one of ${READABLE_DTYPES.join(', ')}`, found: dtype });
    else if (tensor === undefined) missing.push(stored);
    else if (`${tensor.shape}` !== `${expected}`)
      problems.push({ where: `${where}: ${stored}`, expected: `shape [${expected}]`, found: `[${tensor.shape}]` });
    else for (const [name, part] of splitRows(tensor, members)) bound.set(name, part);
  }
  if (missing.length > 0)
    problems.unshift({
      where,
      expected: `the ${parts.size} tensors of this ${spec.architecture} model`,
      found: `none named ${missing.join(', ')}`,
    });
  const unexpected = [...checkpoint.tensors.keys(), ...checkpoint.unreadable.keys()].filter(
    (name) => !parts.has(name) && !IGNORED.test(name),
  );
  if (unexpected.length > 0)
    problems.push({
      where,
      expected: `no tensors beside those of a ${spec.architecture} model with this config`,
      found: unexpected.join(', '),
    });
  if (problems.length > 0) throw new UserError('input', problems);
  return bound;
}

function* splitRows(
  tensor: StoredTensor,
  members: readonly { name: string; shape: readonly number[] }[],
): Iterable<[string, StoredTensor]> {
  let row = 0;
  const rowBytes = tensor.byteLength / tensor.shape[0]!;
  for (const { name, shape } of members) {
    yield [name, { ...tensor, name, shape, offset: tensor.offset + row * rowBytes, byteLength: shape[0]! * rowBytes }];
    row += shape[0]!;
  }
}
