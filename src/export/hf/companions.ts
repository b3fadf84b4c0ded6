import { readdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tokenizerFile } from '../../corpus/index.js';
import { openGguf } from '../../model/checkpoint/gguf.js';
import { isGguf } from '../../model/checkpoint/gguf-names.js';
import type { Model } from '../../model/types.js';
import { tokenizerFilesFromGguf } from './tokenizer-files.js';
import { type PlacedFile, placeFile } from './weights.js';

const OF_TOKENIZER =
  /^(tokenizer\.(json|model)|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|chat_template\.(jinja|json))$/;
const OF_MODEL = /^((generation|preprocessor)_config\.json|(LICENSE|NOTICE)(\.\w+)?)$/;

/** What readers would take for a part of the model beside it. */
export function belongsToModel(name: string): boolean {
  return OF_TOKENIZER.test(name) || /^(generation|preprocessor)_config\.json$/.test(name);
}

type Config = Readonly<Record<string, unknown>>;

/**
 * The files beside config and weights that belong to the model: copied, or rebuilt from GGUF metadata. Those of the tokenizer are of
 * `tokenizer` where one is given, as ids mean what that says.
 */
export async function placeCompanions(
  model: Model,
  staging: string,
  config: Config,
  tokenizer?: string,
): Promise<PlacedFile[]> {
  const own =
    model.checkpoint.format === 'safetensors'
      ? await copied(model.path, OF_MODEL, staging)
      : await written(new Map([['generation_config.json', generationConfig(model)]]), staging);
  return [
    ...own,
    ...(await (tokenizer === undefined ? ownTokenizer : givenTokenizer(tokenizer))(model, staging, config)),
  ];
}

async function ownTokenizer({ checkpoint, path: folder }: Model, staging: string, config: Config) {
  if (checkpoint.format === 'safetensors') return copied(folder, OF_TOKENIZER, staging);
  const kind = checkpoint.metadata.get('tokenizer.ggml.model');
  if (kind === undefined || kind === 'none') return [];
  return written(
    tokenizerFilesFromGguf(checkpoint.metadata, checkpoint.files[0]!, config['max_position_embeddings'] as number),
    staging,
  );
}

/** As `openTokenizer` reads it: a folder, a tokenizer.json or a GGUF file. */
function givenTokenizer(given: string) {
  return async (_: Model, staging: string, config: Config): Promise<PlacedFile[]> => {
    const file = await tokenizerFile(given);
    if (isGguf(file))
      return written(
        tokenizerFilesFromGguf((await openGguf(file)).metadata, file, config['max_position_embeddings'] as number),
        staging,
      );
    if (file !== given) return copied(path.dirname(file), OF_TOKENIZER, staging);
    const beside = await copied(path.dirname(file), /^tokenizer_config\.json$/, staging);
    return [await placeFile(await realpath(file), staging, 'tokenizer.json', 'copy'), ...beside];
  };
}

async function copied(folder: string, wanted: RegExp, staging: string): Promise<PlacedFile[]> {
  const names = (await readdir(folder)).filter((name) => wanted.test(name));
  return Promise.all(
    names.map(async (name) => placeFile(await realpath(path.join(folder, name)), staging, name, 'copy')),
  );
}

async function written(files: ReadonlyMap<string, string>, staging: string): Promise<PlacedFile[]> {
  const placed: PlacedFile[] = [];
  for (const [name, text] of files) {
    await writeFile(path.join(staging, name), text);
    placed.push({ name, bytes: Buffer.byteLength(text), how: 'written' });
  }
  return placed;
}

function generationConfig({ bosTokenId, eosTokenIds }: Model): string {
  const ids = {
    ...(bosTokenId !== null && { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length > 0 && { eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds }),
  };
  return `${JSON.stringify(ids, null, 2)}\n`;
}
