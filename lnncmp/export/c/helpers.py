"""The small C functions that exported files call; a file has only those that it needs."""

FUNCTIONS = {
    "sigmoid": "return 1.0f / (1.0f + expf(-x));",
    "tanh": "return 2.0f / (1.0f + expf(-2.0f * x)) - 1.0f;",
    "silu": "return x / (1.0f + expf(-x));",
    "relu": "return x > 0.0f ? x : 0.0f;",
    "abs": "return x < 0.0f ? -x : x;",
    # x Phi(x), the error function by Abramowitz and Stegun, 7.1.26: an error of at most 1.5e-7.
    "gelu": """const float z = (x < 0.0f ? -x : x) * 0.70710678f;
    const float t = 1.0f / (1.0f + 0.3275911f * z);
    const float p = ((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f;
    const float tail = 0.5f * (p * t + 0.254829592f) * t * expf(-z * z);
    return x * (x < 0.0f ? tail : 1.0f - tail);""",
}
"""Bodies of functions of one float x. exp is expf itself."""

_DENSE = """/* out += w x, w of rows by columns{NOTE} */
static void {P}_dense(float *restrict out, const {W} *restrict w,{SCALES}
    const float *restrict x, int rows, int columns)
{{
    int r = 0;
    for (; r + 4 <= rows; r += 4, w += 4 * columns) {{
        float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
        for (int k = 0; k < columns; k++) {{
            a += {C}w[k] * x[k];
            b += {C}w[columns + k] * x[k];
            c += {C}w[2 * columns + k] * x[k];
            d += {C}w[3 * columns + k] * x[k];
        }}
        out[r] += {S0}a;
        out[r + 1] += {S1}b;
        out[r + 2] += {S2}c;
        out[r + 3] += {S3}d;
    }}
    for (; r < rows; r++, w += columns) {{
        float a = 0.0f;
        for (int k = 0; k < columns; k++)
            a += {C}w[k] * x[k];
        out[r] += {S0}a;
    }}
}}"""

_SPARSE = """/* out += w x with only the entries that exist: row r has those before end[r]{NOTE} */
static void {P}_sparse(float *restrict out, const {W} *restrict w,{SCALES} const {FROM} *restrict from,
    const {END} *restrict end, const float *restrict x, int rows)
{{
    uint32_t k = 0;
    for (int r = 0; r < rows; r++) {{
        float a = 0.0f;
        for (; k < end[r]; k++)
            a += {C}w[k] * x[from[k]];
        out[r] += {S0}a;
    }}
}}"""

_SYNAPSES = """/* for each synapse: s = sigmoid(slope v + offset), num += pull s, den += weight s{NOTE} */
static void {P}_synapses(float *restrict num, float *restrict den, const {W} *restrict slope,
    const {W} *restrict offset, const {W} *restrict pull, const {W} *restrict weight,{SCALES}
    const {FROM} *restrict from, const {END} *restrict end, const float *restrict v, int targets)
{{
    uint32_t k = 0;
    for (int r = 0; r < targets; r++) {{
        float n = 0.0f, d = 0.0f;
        for (; k < end[r]; k++) {{
            const float s = {P}_sigmoid({A0}slope[k] * v[from[k]] + {A1}offset[k]);
            n += {C}pull[k] * s;
            d += {C}weight[k] * s;
        }}
        num[r] += {A2}n;
        den[r] += {A3}d;
    }}
}}"""

_KERNELS = {"dense": _DENSE, "sparse": _SPARSE, "synapses": _SYNAPSES}


def function(prefix: str, name: str) -> str:
    """Return the definition of a function of one number."""
    return f"static float {prefix}_{name}(float x)\n{{\n    {FUNCTIONS[name]}\n}}"


def kernel(prefix: str, name: str, int8: bool, source: str, end: str) -> str:
    """Return the definition of `dense`, `sparse` or `synapses`; `source`, `end`: their types of indices."""
    fields = {"P": prefix, "FROM": source, "END": end, "W": "int8_t" if int8 else "float"}
    fields |= {"C": "(float)" if int8 else "", "NOTE": "; int8 times the scale of its row" if int8 else ""}
    fields["SCALES"] = " const float *restrict scale," if int8 else ""
    for k in range(4):
        fields[f"S{k}"] = f"scale[r{f' + {k}' if k else ''}] * " if int8 else ""
        # The four arrays of the synapses of one target have their scales one after the other.
        fields[f"A{k}"] = f"scale[4 * r{f' + {k}' if k else ''}] * " + ("(float)" if k < 2 else "") if int8 else ""
    return _KERNELS[name].format(**fields)
