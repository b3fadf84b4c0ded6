"""Greedy generation of transformers on torch CPU.

    python parity/reference_generation.py MODEL      MODEL: folder or .gguf
One request per line: {"prompts": [[id, ...], ...], "rope": a config, see reference.py, "new_tokens": n, "use_cache": bool}
Prompts have one length. The answer is the n new ids of each; no token ends a sequence early.
With use_cache false every token is computed from nothing, so the table is always that of the length so far; with a cache the
llama classes keep keys of the short table when a sequence grows past the original length.
"""

import sys

import torch
from reference import answer_lines, load, rotary


def main() -> None:
    model = load(sys.argv[1])

    def answer(request: dict) -> list[list[int]]:
        model.model.rotary_emb = rotary(model, request["rope"])
        prompts = torch.tensor(request["prompts"])
        model.generation_config.eos_token_id = None
        ids = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=False,
            use_cache=request["use_cache"],
            max_new_tokens=request["new_tokens"],
            pad_token_id=0,
        )
        return ids[:, prompts.shape[1] :].tolist()

    answer_lines(answer)


if __name__ == "__main__":
    main()
