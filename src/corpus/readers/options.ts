/** How raw text is read; the same for every kind of input. */
export interface TextOptions {
  /** Field of JSONL objects and column of Parquet files that holds the text; `text` when left out. */
  readonly textField?: string;
  /** Characters (code points, as Python counts) left out at the start of every document. */
  readonly skipCharacters?: number;
}

export interface ReadOptions extends TextOptions {
  /** Called with the number of input bytes consumed since the last call. */
  readonly onRead?: (bytes: number) => void;
}

export const DEFAULT_TEXT_FIELD = 'text';
