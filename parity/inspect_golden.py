"""What transformers makes of the hostile configs: frequencies and attention factor after a forward pass, or its error.

Run once with transformers 5 and once with 4.57, each in its own environment (they cannot share one):
    python parity/inspect_golden.py
Reads test/oracle/hostile-configs.json, writes test/oracle/inspect-transformers-{4,5}.json after the installed version. Every
config is loaded from a folder as a user's would be (AutoConfig), a model of one layer reads two tokens (wrong widths fail there),
then the rotary module gets the last position of each length. A fresh module for every length: nothing is left over.
"""

import copy
import importlib
import json
import logging
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

ORACLE = Path(__file__).resolve().parents[1] / "test" / "oracle"
HOSTILE = json.loads((ORACLE / "hostile-configs.json").read_text())


def laid_over(base: dict, changes: dict) -> dict:
    merged = {**base, **changes.get("set", {})}
    return {key: value for key, value in copy.deepcopy(merged).items() if key not in changes.get("drop", [])}


def config_of(case: dict) -> dict:
    config = laid_over({**HOSTILE["core"], **HOSTILE["bases"][case["base"]]}, case)
    for name in ["rope_scaling", "rope_parameters"]:
        if name in case:
            config[name] = laid_over(HOSTILE["blocks"][case[name]["block"]], case[name])
    return config


def number(value: np.float32):
    """The shortest decimal that rounds to this float32."""
    return float(np.format_float_scientific(value, unique=True)) if value else 0


def numbers(values) -> list:
    return [number(x) for x in values.to(torch.float32).numpy()]


def rotary(config, length: int) -> dict:
    module = importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))
    name = type(config).__name__.replace("TextConfig", "").replace("Config", "") + "RotaryEmbedding"
    embedding = getattr(module, name)(config=config)
    at = [torch.zeros(1), torch.tensor([[length - 1]])]
    if hasattr(embedding, "sliding_attention_inv_freq"):  # transformers 5: one module for both kinds of layers
        embedding(*at, layer_type="full_attention")
        global_table = embedding.full_attention_inv_freq, embedding.full_attention_attention_scaling
    else:
        embedding(*at)
        global_table = embedding.inv_freq, embedding.attention_scaling
    frequencies, attention = global_table
    return {"length": length, "attentionFactor": float(attention), "inverseFrequency": numbers(frequencies)}


def local_frequencies(model):
    """Of the layers that have RoPE of their own; None where there are none."""
    if hasattr(model.model, "rotary_emb_local"):
        return numbers(model.model.rotary_emb_local.inv_freq)
    frequencies = getattr(model.model.rotary_emb, "sliding_attention_inv_freq", None)
    return None if frequencies is None else numbers(frequencies)


def outcome(case: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config_of(case)))
        try:
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).eval()
            with torch.no_grad():
                model(input_ids=torch.tensor([[3, 4]]))
            lengths = [rotary(AutoConfig.from_pretrained(folder), length) for length in case["lengths"]]
        except Exception as error:  # whatever it says is what the user would see
            # Newer validators wrap the error that says why.
            cause = error.__cause__ or error
            text = " ".join(str(cause).split())
            return {"error": f"{type(cause).__name__}: {text[:160]}"}
        local = local_frequencies(model)
        return {"lengths": lengths, **({} if local is None else {"local": local})}


def main() -> None:
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    cases = HOSTILE["cases"]
    output = ORACLE / f"inspect-transformers-{transformers.__version__.split('.')[0]}.json"
    lines = ",\n".join(json.dumps({"name": case["name"], **outcome(case)}, separators=(",", ":")) for case in cases)
    head = json.dumps({"madeBy": "parity/inspect_golden.py", "transformers": transformers.__version__, "torch": torch.__version__})
    output.write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')
    print(f"{output.name}: {len(cases)} cases, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
