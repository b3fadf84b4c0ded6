"""onnxruntime-genai on an exported folder. Reads JSON lines {"ids", "new_tokens"}; answers greedy tokens and the logits after the prompt.

    python reference_genai.py FOLDER
"""

import json
import sys

import numpy as np
import onnxruntime_genai as og

model = og.Model(sys.argv[1])
tokenizer = og.Tokenizer(model)
for line in sys.stdin:
    request = json.loads(line)
    ids = request["ids"]
    parameters = og.GeneratorParams(model)
    parameters.set_search_options(max_length=len(ids) + request["new_tokens"], do_sample=False)
    generator = og.Generator(model, parameters)
    generator.append_tokens(np.array(ids, dtype=np.int32))
    logits = np.asarray(generator.get_logits(), dtype=np.float32).reshape(-1)
    while not generator.is_done():
        generator.generate_next_token()
    tokens = [int(token) for token in generator.get_sequence(0)][len(ids) :]
    text = tokenizer.decode(np.array(ids[1:], dtype=np.int32))
    answer = {"version": og.__version__, "tokens": tokens, "logits": logits.tolist(), "text": text}
    print(json.dumps(answer), flush=True)
