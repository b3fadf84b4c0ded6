import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from '../run/file-error.js';
import { listFolder } from '../run/list-folder.js';
import { type ArchitectureDeclaration, resolveDecoder } from './architecture.js';
import { architectures } from './architectures/index.js';
import { readJsonObject } from './checkpoint/file.js';
import { openGguf } from './checkpoint/gguf.js';
import { ggufNames, isGguf } from './checkpoint/gguf-names.js';
import { hasSafetensors, openSafetensors } from './checkpoint/safetensors.js';
import type { LocateKey } from './decoder-config.js';
import { bindTensors } from './decoder-tensors.js';
import { describeValue } from './describe.js';
import { ggufConfig } from './gguf/config.js';
import { GgufKeys } from './gguf/keys.js';
import type { Checkpoint, Model } from './types.js';

/** Real configs have a few kB; longrope lists add a few more. */
const MAX_CONFIG_BYTES = 16 * 2 ** 20;

/**
 * Opens a model: a Hugging Face folder (`config.json` and safetensors), a `.gguf` file, or a folder with exactly one.
 * Reads configs and headers, no weights. Throws `UserError` for whatever is missing, damaged or not expressible.
 */
export async function loadModel(modelPath: string): Promise<Model> {
  const folder = await isFolder(modelPath);
  if (!folder) {
    if (isGguf(modelPath)) return loadGguf(modelPath, modelPath);
    throw new UserError('input', {
      where: modelPath,
      expected: 'a .gguf file or a folder with a model',
      found: 'another kind of file',
      fix: `if it belongs to a Hugging Face model, give its folder (${path.dirname(modelPath)})`,
    });
  }
  const names = await listFolder(modelPath, 'a model folder that can be read');
  const hasConfig = names.includes('config.json');
  const ggufFiles = ggufNames(names);
  if (hasConfig && hasSafetensors(names)) return loadHuggingFace(modelPath, await openSafetensors(modelPath));
  if (ggufFiles.length === 1) return loadGguf(modelPath, path.join(modelPath, ggufFiles[0]!));
  throw folderError(modelPath, names, hasConfig, ggufFiles);
}

/**
 * The same without weights, for training from scratch: of a Hugging Face folder only `config.json` is read, and weights beside it do
 * not matter.
 */
export async function loadShape(modelPath: string): Promise<Model> {
  const isHuggingFace =
    (await isFolder(modelPath)) &&
    (await listFolder(modelPath, 'a model folder that can be read')).includes('config.json');
  return isHuggingFace ? loadHuggingFace(modelPath, null) : loadModel(modelPath);
}

function folderError(
  folder: string,
  names: readonly string[],
  hasConfig: boolean,
  ggufFiles: readonly string[],
): UserError {
  if (ggufFiles.length > 1)
    return new UserError('input', {
      where: folder,
      expected: 'one .gguf file',
      found: ggufFiles.join(', '),
      fix: 'name the one to use',
    });
  if (!hasConfig) {
    const found = names.length === 0 ? 'an empty folder' : 'neither';
    return new UserError('input', { where: folder, expected: 'config.json with safetensors, or a .gguf file', found });
  }
  const pickled = names.find((name) => name.endsWith('.bin') || name.endsWith('.pth'));
  return new UserError('input', {
    where: folder,
    expected: 'model.safetensors or model.safetensors.index.json beside config.json',
    found: pickled ?? names.find((name) => name.endsWith('.safetensors')) ?? 'no weights',
    ...(pickled === undefined ? {} : { fix: 'save the model as safetensors (transformers: model.save_pretrained)' }),
  });
}

async function isFolder(modelPath: string): Promise<boolean> {
  try {
    return (await stat(modelPath)).isDirectory();
  } catch (error) {
    throw fileError(modelPath, 'a model folder or a .gguf file', error);
  }
}

const NO_WEIGHTS: Checkpoint = { format: 'safetensors', files: [], tensors: new Map(), unreadable: new Map() };

/** `checkpoint` null: no weights. */
async function loadHuggingFace(folder: string, checkpoint: Checkpoint | null): Promise<Model> {
  const configPath = path.join(folder, 'config.json');
  const config = await readJsonObject(configPath, MAX_CONFIG_BYTES);
  const declaration = findArchitecture(
    config['model_type'],
    ({ modelTypes }) => modelTypes,
    `${configPath}: model_type`,
  );
  const locate: LocateKey = (key) => `${configPath}: ${key}`;
  return assemble(folder, declaration, config, checkpoint, 'half', locate);
}

async function loadGguf(modelPath: string, file: string): Promise<Model> {
  const checkpoint = await openGguf(file);
  const keys = new GgufKeys(checkpoint);
  const where = `${file}: general.architecture`;
  const base = findArchitecture(keys.architecture, ({ gguf }) => gguf.architectures, where);
  // GGUF files of mistral models call themselves llama; only a sliding window tells them apart.
  const windowed = base.name === 'llama' && keys.get('attention.sliding_window');
  const declaration = windowed ? findArchitecture('mistral', ({ modelTypes }) => modelTypes, where) : base;
  const config = await ggufConfig(checkpoint, keys, declaration);
  return assemble(modelPath, declaration, config, checkpoint, base.gguf.rotaryPairing, keys.locateConfigKey);
}

function findArchitecture(
  name: unknown,
  namesOf: (declaration: ArchitectureDeclaration) => readonly string[],
  where: string,
): ArchitectureDeclaration {
  const declaration = architectures.find((candidate) => namesOf(candidate).includes(name as string));
  if (declaration !== undefined) return declaration;
  const known = architectures.flatMap(namesOf).join(', ');
  throw new UserError('unsupported', { where, expected: `one of ${known}`, found: describeValue(name) });
}

function assemble(
  modelPath: string,
  declaration: ArchitectureDeclaration,
  config: Readonly<Record<string, unknown>>,
  checkpoint: Checkpoint | null,
  rotaryPairing: 'half' | 'adjacent',
  locate: LocateKey,
): Model {
  const hasOutputHead = ['lm_head.weight', 'output.weight'].some(
    (name) => checkpoint?.tensors.has(name) || checkpoint?.unreadable.has(name),
  );
  const { spec, tiesOwnHead, bosTokenId, eosTokenIds } = resolveDecoder(declaration, config, {
    locate,
    rotaryPairing,
    hasOutputHead,
  });
  return {
    path: modelPath,
    spec,
    checkpoint: checkpoint ?? NO_WEIGHTS,
    tensors: checkpoint === null ? new Map() : bindTensors(declaration, spec, checkpoint),
    // transformers 4 would tie the head again, and leave out what it was trained to.
    config: tiesOwnHead ? { ...config, tie_word_embeddings: false } : config,
    configAsRead: config,
    bosTokenId,
    eosTokenIds,
  };
}
