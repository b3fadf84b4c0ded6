import path from 'node:path';
import { UserError } from '../errors.js';
import { architectures } from '../model/index.js';
import { parseRopeConfig } from '../model/rope-config.js';
import type { RopeSpec } from '../model/types.js';
import { sha256File, sha256Json } from '../run/index.js';
import { readRopeSource } from './rope-source.js';

/** What a search must know of a model that runs elsewhere. */
export interface ModelGeometry {
  /** An even number. */
  readonly headDim: number;
  /** Dimensions that turn, an even number; default all. */
  readonly rotaryDim?: number;
  /** Base of the frequencies. */
  readonly theta: number;
  /** Tokens that the base frequencies were trained for. */
  readonly originalLength: number;
}

export interface OutsideModel {
  readonly name: string;
  readonly rope: RopeSpec;
  /** null: there is none to write factors into. */
  readonly config: Readonly<Record<string, unknown>> | null;
  readonly sha256: string;
}

/**
 * The RoPE of a model that is scored elsewhere: of a config.json (one with `head_dim`, `rope_theta` and `max_position_embeddings`
 * is enough), its folder or a GGUF file, or given as numbers. Weights are not read. Throws `UserError` with every problem.
 */
export async function outsideModel(model: string | ModelGeometry): Promise<OutsideModel> {
  if (typeof model !== 'string') return ofGeometry(model);
  const { file, source } = await readRopeSource(model);
  const whole = path.resolve(model);
  const name = path.basename(path.basename(whole) === 'config.json' ? path.dirname(whole) : whole);
  const sha256 = await sha256File(file);
  if (source.format === 'gguf') {
    const { headDim, rotaryDim, theta, originalLength } = source;
    const geometry = ofGeometry({ headDim, rotaryDim, theta, originalLength }, file);
    return { ...geometry, name, sha256 };
  }
  const { config, headDim } = source;
  const conventions = architectures.find(({ modelTypes }) => modelTypes.includes(config['model_type'] as string))?.rope;
  try {
    const rope = parseRopeConfig(config, {
      headDim,
      ...(conventions && { conventions }),
      ...(conventions?.thetaByLayerType && { layerType: 'full_attention' }),
    });
    return { name, rope, config, sha256 };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const located = error.problems.map((problem) => ({ ...problem, where: `${file}: ${problem.where}` }));
    throw new UserError(error.kind, located);
  }
}

function ofGeometry(geometry: ModelGeometry, where = 'the geometry'): OutsideModel {
  const { headDim, rotaryDim = headDim, theta, originalLength } = geometry;
  const isEven = (value: number) => Number.isSafeInteger(value) && value > 0 && value % 2 === 0;
  const rules: [key: string, isSound: boolean, expected: string, found: number][] = [
    ['headDim', isEven(headDim), 'an even number above 0', headDim],
    ['rotaryDim', isEven(rotaryDim) && rotaryDim <= headDim, `an even number, at most ${headDim}`, rotaryDim],
    ['theta', Number.isFinite(theta) && theta > 1, 'a number above 1', theta],
    [
      'originalLength',
      Number.isSafeInteger(originalLength) && originalLength > 1,
      'a whole number of tokens',
      originalLength,
    ],
  ];
  const problems = rules.filter(([, isSound]) => !isSound);
  if (problems.length > 0)
    throw new UserError(
      'input',
      problems.map(([key, , expected, found]) => ({ where: `${where}: ${key}`, expected, found: `${found}` })),
    );
  return {
    name: 'model',
    rope: {
      geometry: { headDim, rotaryDim, theta },
      scaling: { type: 'default' },
      originalLength,
      maxPositionEmbeddings: originalLength,
    },
    config: null,
    sha256: sha256Json({ headDim, rotaryDim, theta, originalLength }),
  };
}
