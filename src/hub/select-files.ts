import { minimatch } from 'minimatch';
import { UserError } from '../errors.js';
import type { HubFile } from './list-repository.js';
import type { Repository } from './repository.js';

export interface Wish {
  /** One file by its path. */
  readonly file?: string;
  /** Globs; one without a slash is matched against names in every folder. */
  readonly include?: readonly string[];
}

export interface Selection {
  readonly files: readonly HubFile[];
  /** Why something that is there was left out, for people. */
  readonly notes: readonly string[];
}

/** What a model folder of this program, transformers or a converter reads beside the weights; all at the root. */
const SMALL_FILES =
  /^(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(?:merges|vocab)\.txt$|^(?:tokenizer|tokenizer\.model|spiece|sentencepiece\.bpe)\.model$|\.tiktoken$|^chat_template\.jinja$|^(?:README\.md|LICENSE|LICENSE\.(?:txt|md)|NOTICE|USE_POLICY\.md)$/i;
const SINGLE = /^model\.safetensors$/;
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;
const INDEX = /^model\.safetensors\.index\.json$/;
const OTHER_WEIGHTS = /\.(?:bin|pth|pt|ckpt|h5|msgpack|onnx|onnx_data|ot|tflite|mlmodel|safetensors|gguf)$/i;
const DATA = /\.(?:parquet|jsonl?|csv|tsv|txt|arrow|md)$|(?:^|\/)LICENSE$/i;

/** Chooses what to load. Throws `UserError('input')` when there is nothing of the kind, with what there is. */
export function selectFiles({ type, id }: Repository, files: readonly HubFile[], { file, include }: Wish): Selection {
  const where = `${type} ${id}`;
  if (file !== undefined) {
    const found = files.filter(({ path }) => path === file);
    if (found.length > 0) return { files: found, notes: splitNote(file) };
    const alike = files.filter(({ path }) => path.toLowerCase().endsWith(extension(file)));
    throw nothing(where, `a file ${file}`, alike.length > 0 ? alike : files);
  }
  if (include !== undefined) {
    const unmatched = include.filter((glob) => !files.some(({ path }) => matches(path, glob)));
    if (unmatched.length > 0) throw nothing(where, `files like ${unmatched.join(', ')}`, files);
    return { files: files.filter(({ path }) => include.some((glob) => matches(path, glob))), notes: [] };
  }
  return type === 'dataset' ? selectData(where, files) : selectModel(where, id, files);
}

function selectModel(where: string, id: string, files: readonly HubFile[]): Selection {
  // A single file hides an index, as it does for every reader.
  const single = files.filter(({ path }) => SINGLE.test(path));
  const sharded = files.some(({ path }) => INDEX.test(path)) && files.some(({ path }) => SHARD.test(path));
  const shards = sharded ? files.filter(({ path }) => SHARD.test(path) || INDEX.test(path)) : [];
  const weights = single.length > 0 ? single : shards;
  if (weights.length > 0) {
    const chosen = files.filter((file) => weights.includes(file) || SMALL_FILES.test(file.path));
    return { files: chosen, notes: leftOut(files, chosen) };
  }
  const ggufs = files.filter(({ path }) => /\.gguf$/i.test(path));
  if (ggufs.length === 1) return { files: ggufs, notes: splitNote(ggufs[0]!.path) };
  if (ggufs.length > 1)
    throw new UserError('input', {
      where,
      expected: 'the name of one GGUF file',
      found: listed(ggufs),
      fix: `name it, e.g. ${id}:${ggufs[0]!.path}`,
    });
  throw nothing(where, 'model.safetensors, its shards with their index, or a .gguf file', files);
}

function selectData(where: string, files: readonly HubFile[]): Selection {
  const chosen = files.filter(({ path }) => DATA.test(path) && !/(?:^|\/)\.[^./]/.test(path));
  if (!chosen.some(({ path }) => !/\.md$|LICENSE$/i.test(path)))
    throw nothing(where, 'Parquet, JSON, CSV, text or Arrow files', files);
  return { files: chosen, notes: leftOut(files, chosen) };
}

function matches(path: string, glob: string): boolean {
  return minimatch(path, glob, { matchBase: true, dot: true, nocomment: true, nonegate: true });
}

function leftOut(files: readonly HubFile[], chosen: readonly HubFile[]): string[] {
  const left = files.filter((file) => !chosen.includes(file) && OTHER_WEIGHTS.test(file.path));
  return left.length === 0 ? [] : [`left out: ${listed(left)} (--include loads what it names)`];
}

function splitNote(file: string): string[] {
  return /-\d{5}-of-\d{5}\.gguf$/i.test(file)
    ? ['one piece of a split GGUF; load all with --include, then join them with llama-gguf-split --merge']
    : [];
}

function nothing(where: string, expected: string, files: readonly HubFile[]): UserError {
  return new UserError('input', { where, expected, found: files.length === 0 ? 'no files' : listed(files) });
}

const LISTED = 12;

function listed(files: readonly HubFile[]): string {
  const names = files.slice(0, LISTED).map(({ path }) => path);
  return [...names, ...(files.length > LISTED ? [`${files.length - LISTED} more`] : [])].join(', ');
}

function extension(file: string): string {
  return file.slice(file.lastIndexOf('.')).toLowerCase();
}
