/** A tokenised document. `ids` contain no BOS the tokenizer added, unless it was asked for; protocols decide about BOS themselves. */
export interface TokenDocument {
  /** Names the document in every result: file name, JSONL line, Parquet row or data-set row. */
  readonly id: string;
  readonly ids: Int32Array;
  /** Only in rows to train on that hold several documents; elsewhere a token's position is its index. */
  readonly positions?: Int32Array;
}

/** A tokenizer reduced to what the product needs; the same ids as the Rust `tokenizers` package. */
export interface Tokenizer {
  /** ids of plain text, without any special token added around it. */
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
  readonly vocabularySize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** Whether Python's `tokenizer(text)` puts the BOS in front by itself; `encode` here never does. */
  readonly addsBos: boolean;
  /** sha256 over what determines the ids; part of every cache key. */
  readonly hash: string;
}

/** A document before tokenisation. */
export interface TextDocument {
  readonly id: string;
  readonly text: string;
}
