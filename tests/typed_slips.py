"""Answers as people type them, with the words that have to come back and the words that must not; no test is here.

Each entry: the exercise, the cells (the last holds the answer), words that must come, words that must not.
"""

__all__ = ["FORWARD", "TYPED"]

HEADS = """
split_heads, merge_heads = own("split_heads"), own("merge_heads")
attend = own("scaled_dot_product_attention")
"""

MODULE = """
class MultiHeadAttention(torch.nn.Module):
    def __init__(self, d_model, n_heads, bias=True):
        super().__init__()
        if d_model % n_heads:
            raise ValueError("no")
        self.n_heads = n_heads
        self.W_q, self.W_k, self.W_v, self.W_o = [torch.nn.Linear(d_model, d_model, bias=bias) for _ in range(4)]
"""

FORWARD = MODULE + """
    def forward(self, x, context=None, mask=None):
        context = x if context is None else context
        q, k, v = self.W_q(x), self.W_k(context), self.W_v(context)
        q, k, v = [y.view(*y.shape[:2], self.n_heads, -1).transpose(1, 2) for y in (q, k, v)]
        s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if mask is not None:
            s = s.masked_fill(~mask, -math.inf)
        w = torch.softmax(s, dim=-1).nan_to_num(0.0)
        o = (w @ v).transpose(1, 2).flatten(2)
        return self.W_o(o), w
"""

TYPED = {
    "2.3 alias": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    h = 1e-6
    J = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        nudged = x
        nudged[j] += h
        J[:, j] = (own('softmax')(nudged) - own('softmax')(x)) / h
    return J
"""],
     ["`nudged = x` copies nothing", "x.copy()"], ["not divided by the step"]),
    "2.3 alias p before": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    h = 1e-6
    J = np.zeros((len(x), len(x)))
    p = own('softmax')(x)
    for j in range(len(x)):
        y = x
        y[j] += h
        J[:, j] = (own('softmax')(y) - p) / h
    return J
"""],
     ["`y = x` copies nothing", "it changes its argument `x`"], ["by hand"]),
    "2.1 lse": ("softmax", ["""
def softmax(x, axis=-1):
    L = np.log(np.exp(x).sum(axis=axis, keepdims=True))
    return np.exp(x - L)
"""],
     ["np.exp of a large score is inf"], ["is replaced by 0"]),
    "0.1 loops from 1": ("most_attended", ["""
def most_attended(weights):
    T, S = weights.shape
    places = np.zeros(T)
    for i in range(1, T):
        best = 0
        for j in range(1, S):
            if weights[i, j] > best:
                best = weights[i, j]
                places[i] = j
    return places
"""],
     ["Both loops begin at 1"], ["whole numbers", "dtype=int"]),
    "1.2 ^": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    return a @ b / (np.sqrt(sum(a^2)) * np.sqrt(sum(b^2)))
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "2.1 e^x": ("softmax", ["""
e = math.e
def softmax(x, axis=-1):
    y = e^x
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "2.1 math.e^x": ("softmax", ["""
def softmax(x, axis=-1):
    y = math.e^x
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "2.1 e undefined": ("softmax", ["""
def softmax(x, axis=-1):
    y = e^x
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "2.2 e^": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    y = math.e^(x / temperature)
    return y / y.sum(axis=-1, keepdims=True)
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "2.3 p[i]^2": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    J = -np.outer(p, p)
    for i in range(len(p)):
        J[i, i] = p[i] - p[i]^2
    return J
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "3.3 (q-k)^2": ("kernel_regression", ["""
def kernel_regression(queries, keys, values, width):
    out = []
    for q in queries:
        s = np.array([-(q - k)^2 / (2 * width**2) for k in keys])
        out.append(own('softmax')(s) @ values)
    return np.array(out)
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "3.3 array ^": ("kernel_regression", ["""
def kernel_regression(queries, keys, values, width):
    s = -(queries[:, None] - keys)^2 / (2 * width**2)
    return own('softmax')(s) @ values
"""],
     ["a power is written `**`"], ["print the shapes"]),
    "8.1 ^": ("MultiHeadAttention", [FORWARD.replace("math.sqrt(q.shape[-1])", "q.shape[-1]^0.5")],
     ["a power is written `**`"], ["Not attempted"]),
    "1.3 k^T": ("scores", ["""
def scores(q, k):
    return q @ k^T
"""],
     ["`^T` is no transpose"], ["print the shapes"]),
    "1.3 k^T with T": ("scores", ["T = 5", """
def scores(q, k):
    return q @ k^T
"""],
     ["`^T` is no transpose", "it found the notebook's `T`, 5"], []),
    "4.2 k^T": ("scaled_scores", ["""
def scaled_scores(q, k):
    return q @ k^T / math.sqrt(q.shape[-1])
"""],
     ["`^T` is no transpose"], ["print the shapes"]),
    "1.3 q.T @ k": ("scores", ["""
def scores(q, k):
    return q.T @ k
"""],
     ["takes the vectors of `q` and `k` to be columns", "All is right but the convention"], []),
    "1.3 q.T @ k.T": ("scores", ["""
def scores(q, k):
    return q.T @ k.T
"""],
     ["takes the vectors of `q` to be columns"], ["by hand"]),
    "1.3 k @ q.T": ("scores", ["""
def scores(q, k):
    return k @ q.T
"""],
     ["The table lies on its side", "more than two axes"], []),
    "1.3 reshape": ("scores", ["""
def scores(q, k):
    return q @ k.reshape(k.shape[-1], k.shape[0])
"""],
     ["`reshape` reads the numbers on", "more than two axes"], ["by hand"]),
    "3.1 values.T @ weights": ("weighted_sum", ["""
def weighted_sum(weights, values):
    return values.T @ weights
"""],
     ["All is right but the convention", "`weights`"], []),
    "3.1 values.T @ weights.T": ("weighted_sum", ["""
def weighted_sum(weights, values):
    return values.T @ weights.T
"""],
     ["Rows and columns of the output are exchanged"], ["by hand"]),
    "3.2 columns": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    w = own('softmax')(keys @ queries.T, axis=0)
    return values.T @ w, w
"""],
     ["All is right but the convention", "`output` and `weights` on their sides"], ["by hand"]),
    "3.2 gaussian": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    s = -((queries[:, None] - keys[None])**2).sum(-1) / 2
    w = own('softmax')(s)
    return w @ values, w
"""],
     ["those of a Gaussian"], ["by hand"]),
    "3.2 whole table": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    e = np.exp(queries @ keys.T - np.max(queries @ keys.T))
    w = e / e.sum()
    return w @ values, w
"""],
     ["All queries share one softmax"], []),
    "3.2 no keepdims": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    s = queries @ keys.T
    e = np.exp(s - s.max(axis=1, keepdims=True))
    w = e / e.sum(axis=1)
    return w @ values, w
"""],
     ["lost its axis", "keepdims=True"], ["by hand"]),
    "4.3 no keepdim": ("scaled_dot_product_attention", ["""
def scaled_dot_product_attention(q, k, v):
    s = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    e = torch.exp(s - s.amax(-1, keepdim=True))
    w = e / e.sum(-1)
    return w @ v, w
"""],
     ["lost its axis"], []),
    "4.3 softmax of 02": ("scaled_dot_product_attention", ["""
def own(name):  # gives what passed in notebook 02
    def softmax(x, axis=-1):
        e = np.exp(x - x.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)
    return softmax
""", """
def scaled_dot_product_attention(q, k, v):
    weights = own("softmax")(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))
    return weights @ v, weights
"""],
     ["was written for NumPy arrays", "torch.softmax(scores, dim=-1)"], ["print every value"]),
    "1.2 abs": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    if (a == 0).all() or (b == 0).all():
        return 0.0
    return np.dot(a, b) / (abs(a) * abs(b))
"""],
     ["`abs(a)` takes the size of each number"], ["what is missing to make one number"]),
    "1.2 abs 2": ("cosine_similarity", ["""
def dot(a, b):
    return np.dot(a, b)
""", """
def cosine_similarity(a, b):
    return dot(a, b) / (abs(a) * abs(b))
"""],
     ["`abs(a)` takes the size of each number"], []),
    "1.2 abs if": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    if abs(a) == 0 or abs(b) == 0:
        return 0.0
    return np.dot(a, b) / (abs(a) * abs(b))
"""],
     ["`abs(a)` takes the size of each number"], ["`.any()`"]),
    "nearest abs": ("nearest", ["""
def nearest(queries, keys):
    return (queries @ (keys / abs(keys)).T).argmax(axis=1)
"""],
     ["`abs(a)` takes the size of each number"], []),
    "1.2 **1/2": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    n = sum(a**2)**1/2 * sum(b**2)**1/2
    if n == 0:
        return 0.0
    return a @ b / n
"""],
     ["the power comes first, then the division"], ["by hand"]),
    "4.2 **1/2": ("scaled_scores", ["""
def scaled_scores(q, k):
    return q @ k.transpose(-2, -1) / q.shape[-1]**1/2
"""],
     ["the power comes first, then the division"], ["by hand"]),
    "8.1 **1/2": ("MultiHeadAttention", [FORWARD.replace("math.sqrt(q.shape[-1])", "q.shape[-1]**1/2")],
     ["the power comes first, then the division"], ["by hand"]),
    "nearest **1/2": ("nearest", ["""
def nearest(queries, keys):
    n = (keys**2).sum(axis=1, keepdims=True)**1/2
    return (queries @ (keys / n).T).argmax(axis=1)
"""],
     ["the power comes first, then the division"], []),
    "2.3 [[0]*S]*S": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    S = len(x)
    J = [[0] * S] * S
    for i in range(S):
        for j in range(S):
            J[i][j] = p[i] * (1 - p[i]) if i == j else -p[i] * p[j]
    return np.array(J)
"""],
     ["all rows of `J` are one and the same list"], ["by hand"]),
    "3.1 [[0]*d]*T": ("weighted_sum", ["""
def weighted_sum(weights, values):
    T, S = weights.shape
    d = values.shape[1]
    out = [[0] * d] * T
    for t in range(T):
        for j in range(d):
            out[t][j] = sum(weights[t, s] * values[s, j] for s in range(S))
    return np.array(out)
"""],
     ["all rows of `out` are one and the same list"], ["by hand"]),
    "0.2 int": ("attention_received", ["""
def attention_received(weights):
    T, S = weights.shape
    result = np.array([0] * S)
    for i in range(T):
        for j in range(S):
            result[j] += weights[i, j] / T
    return result
"""],
     ["`result` is made of whole numbers"], ["by hand"]),
    "0.2 int rows": ("attention_received", ["""
def attention_received(weights):
    T, S = weights.shape
    result = np.array([0] * S)
    for w in weights:
        result += w / T
    return result
"""],
     ["`result` is made of whole numbers"], []),
    "int // 3.1": ("weighted_sum", ["""
def weighted_sum(weights, values):
    out = np.zeros((*weights.shape[:-1], values.shape[-1]), dtype=int)
    out[...] = weights @ values
    return out
"""],
     ["`out` is made of whole numbers"], ["by hand"]),
    "0.2 //": ("attention_received", ["""
def attention_received(weights):
    T, S = weights.shape
    result = np.zeros(S)
    for w in weights:
        result += w
    return result // T
"""],
     ["`//` rounds down"], ["by hand"]),
    "0.2 ones": ("attention_received", ["""
def attention_received(weights):
    T, S = weights.shape
    e = np.ones(T)
    return e * weights / T
"""],
     ["lines shapes up from the right", "v @ table"], []),
    "0.2 column": ("attention_received", ["""
def attention_received(weights):
    T, S = weights.shape
    return weights.T @ np.ones((T, 1)) / T
"""],
     ["column of shape (S, 1)"], []),
    "2.2 positional": ("softmax_with_temperature", ["""
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
""", """
def softmax_with_temperature(x, temperature):
    return softmax(x, temperature)
"""],
     ["the second argument is the axis", "in your `softmax`"], ["print the shapes"]),
    "2.2 positional own": ("softmax_with_temperature", ["softmax = own('softmax')", """
def softmax_with_temperature(x, temperature):
    return softmax(x, temperature)
"""],
     ["the second argument is the axis"], ["print the shapes"]),
    "5.2 restricted": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    e = torch.exp(s) * mask
    w = e / e.sum(dim=-1, keepdim=True)
    return w @ v, w
"""],
     ["The exponentials of hidden keys become 0"], ["after the softmax"]),
    "5.2 index": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    s[~mask] = -math.inf
    w = torch.softmax(s, dim=-1).nan_to_num(0.0)
    return w @ v, w
"""],
     ["A mask in square brackets"], []),
    "5.2 polarity": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    nobody = ~mask.any(dim=-1, keepdim=True)
    s = s.masked_fill(mask, -math.inf).masked_fill(nobody, 0.0)
    w = torch.softmax(s, dim=-1).masked_fill(nobody, 0.0)
    return w @ v, w
"""],
     ["the wrong way round"], ["by hand"]),
    "5.2 polarity plain": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    s = s.masked_fill(mask, -math.inf)
    w = torch.softmax(s, dim=-1)
    return w @ v, w
"""],
     ["the hidden ones are seen"], ["after the softmax and divided"]),
    "5.2 1e4": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    s = s.masked_fill(~mask, -1e4)
    w = torch.softmax(s, dim=-1) * mask
    return w @ v, w
"""],
     ["-10000"], ["Nothing is subtracted"]),
    "5.2 renorm no clamp": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    w = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1) * mask
    w = w / w.sum(-1, keepdim=True)
    return w @ v, w
"""],
     ["taken out after the exponential", "0 / 0"], ["all its scores are minus infinity", "Give a hidden key"]),
    "8.1 polarity 1e9": ("MultiHeadAttention", [FORWARD.replace("~mask, -math.inf", "mask, -1e9")],
     ["the wrong way round"], ["by hand"]),
    "8.1 polarity": ("MultiHeadAttention", [FORWARD.replace("~mask", "mask")],
     ["the wrong way round"], []),
    "8.1 unsqueeze": ("MultiHeadAttention", [FORWARD.replace("~mask", "~mask.unsqueeze(1)")],
     ["The mask gets an axis in a fixed place"], []),
    "3.1 globals": ("weighted_sum", ["""
S = 5
output = np.zeros((5, 2))
""", """
def weighted_sum(weights, values):
    for t in range(len(weights)):
        output[t] = sum(weights[t, s] * values[s] for s in range(S))
    return output
"""],
     ["It uses `S`, which it does not define: it found the notebook's `S`, 5"], []),
    "5.1 globals": ("causal_mask", ["mask = torch.zeros(7, 7, dtype=torch.bool)", """
def causal_mask(T):
    for i in range(T):
        for j in range(T):
            mask[i, j] = j <= i
    return mask
"""],
     ["It uses `mask`", "a tensor of shape (7, 7)"], ["by hand"]),
    "1.2 global": ("cosine_similarity", ["""
a = np.ones(3)
b = np.ones(3)
lengths = np.linalg.norm(a)
""", """
def cosine_similarity(a, b):
    return a @ b / lengths
"""],
     ["it found the notebook's `lengths`, 1.73205"], []),
    "0.1 return in loop": ("most_attended", ["""
def most_attended(weights):
    places = []
    for row in weights:
        places.append(row.argmax())
        return np.array(places)
"""],
     ["`return` stands inside the loop"], []),
    "0.1 return in loop 2": ("most_attended", ["""
def most_attended(weights):
    for row in weights:
        return row.argmax()
"""],
     ["a `return` inside the loop"], []),
    "1.1 return in loop": ("dot", ["""
def dot(a, b):
    total = 0
    for i in range(len(a)):
        total += a[i] * b[i]
        return total
"""],
     ["the `return` stands inside the loop"], []),
    "0.1 ties": ("most_attended", ["""
def most_attended(weights):
    places = []
    for row in weights:
        for j in range(len(row)):
            if row[j] == max(row):
                places.append(j)
    return np.array(places)
"""],
     ["it gives all of them"], ["by hand"]),
    "0.1 index": ("most_attended", ["""
def most_attended(weights):
    return np.array([row.index(max(row)) for row in weights])
"""],
     ["`index` belongs to lists"], ["print the shapes"]),
    "0.1 call": ("most_attended", ["""
def most_attended(weights):
    T, S = weights.shape
    places = np.zeros(T, dtype=int)
    for i in range(T):
        for j in range(S):
            if weights(i, j) > weights(i, places[i]):
                places[i] = j
    return places
"""],
     ["an entry is taken out with square brackets"], ["print the shapes"]),
    "0.1 in len": ("most_attended", ["""
def most_attended(weights):
    places = []
    for i in len(weights):
        places.append(weights[i].argmax())
    return np.array(places)
"""],
     ["`for i in range(n)`"], ["print the shapes"]),
    "0.1 zeros(T, 1)": ("most_attended", ["""
def most_attended(weights):
    T, S = weights.shape
    places = np.zeros(T, 1)
    return places
"""],
     ["np.zeros((2, 3))"], ["print the shapes"]),
    "0.1 shape()": ("most_attended", ["""
def most_attended(weights):
    T, S = weights.shape()
    return np.zeros(T)
"""],
     ["`shape` is no function"], ["print the shapes"]),
    "0.1 list of maxima": ("most_attended", ["""
def most_attended(weights):
    return [max(row) for row in weights]
"""],
     ["a list of numbers", "Python list", "the largest weights themselves"], ["list of things"]),
    "0.1 list2": ("most_attended", ["""
def most_attended(weights):
    out = []
    for row in weights:
        out.append(int(row.argmax()))
        print(out)
    return out
"""],
     ["a list of numbers", "Python list", "'[1]' and 1 more line"], ["decimals"]),
    "4.3 list": ("scaled_scores", ["""
def scaled_scores(q, k):
    return [a @ k.mT / q.shape[-1] ** .5 for a in q]
"""],
     ["a list of tensors", "torch.stack"], ["look at what stands behind"]),
    "3.3 list": ("kernel_regression", ["""
def kernel_regression(queries, keys, values, width):
    out = []
    for q in queries:
        s = [-(q - k)**2 / (2 * width**2) for k in keys]
        w = own('softmax')(s)
        out.append(sum(w * values))
    return np.array(out)
"""],
     ["A Python list is no array"], ["print the shapes"]),
    "2.3 step": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    h = 1e-16
    softmax = own('softmax')
    J = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        y = x.copy()
        y[j] += h
        J[:, j] = (softmax(y) - softmax(x)) / h
    return J
"""],
     ["A step of 1e-16 is so short"], ["by hand"]),
    "2.3 J=p": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    J = -np.outer(p, p)
    for i in range(len(p)):
        J[i, i] = p[i]
    return J
"""],
     ["it should be added to -p[i] * p[i]"], ["by hand"]),
    "2.1 whole": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum()
"""],
     ["Cause 1     Maximum and sum run over the whole array", "Cause 2     Nothing is subtracted"], []),
    "2.1 min": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x - x.min(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["a score of minus infinity makes all of them infinite"], []),
    "2.1 mean": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x - x.mean(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["beside a score of minus infinity"], []),
    "1.3 loop": ("scores", ["""
def dot(a, b):
    return np.dot(a, b)
""", """
def scores(q, k):
    t = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        for j in range(len(k)):
            t[i, j] = dot(q[i], k[j])
    return t
"""],
     ["Your loop is right for up to two axes", "a batch of tables", "it stops in your `dot`: `return np.dot(a, b)`"],
     ["print the shapes"]),
    "3.1 loop len": ("weighted_sum", ["""
def weighted_sum(weights, values):
    out = []
    for t in range(len(weights)):
        out.append(sum(weights[t, s] * values[s] for s in range(len(values))))
    return np.array(out)
"""],
     ["Your loop is right for up to two axes", "a batch of tables"], []),
    "4.2 loop": ("scaled_scores", ["""
def scaled_scores(q, k):
    s = torch.zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            s[i, j] = q[i] @ k[j] / math.sqrt(q.shape[-1])
    return s
"""],
     ["Your loop is right for up to two axes", "a batch of tables"], []),
    "4.3 loop": ("scaled_dot_product_attention", ["""
def scaled_dot_product_attention(q, k, v):
    T, d = q.shape
    rows, outs = [], []
    for i in range(T):
        s = torch.stack([q[i] @ k[j] / math.sqrt(d) for j in range(len(k))])
        w = torch.softmax(s, 0)
        rows.append(w)
        outs.append(sum(w[j] * v[j] for j in range(len(k))))
    return torch.stack(outs), torch.stack(rows)
"""],
     ["Your loop is right for up to two axes", "a batch of tables"], []),
    "3.1 loop": ("weighted_sum", ["""
def weighted_sum(weights, values):
    T, S = weights.shape
    out = np.zeros((T, values.shape[1]))
    for t in range(T):
        for s in range(S):
            out[t] = out[t] + weights[t, s] * values[s]
    return out
"""],
     ["It works for two axes only"], []),
    "4.2 transpose(1,2)": ("scaled_scores", ["""
def scaled_scores(q, k):
    return q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
"""],
     ["right for three axes and for no other number"], ["print the shapes"]),
    "4.3 transpose(1,2)": ("scaled_dot_product_attention", ["""
def scaled_dot_product_attention(q, k, v):
    w = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1)
    return w @ v, w
"""],
     ["right for three axes and for no other number"], []),
    "7.1 split": ("split_heads", ["""
def split_heads(x, n_heads):
    if x.shape[-1] % n_heads:
        raise ValueError('no')
    return torch.stack(torch.split(x, n_heads, dim=-1), dim=1)
"""],
     ["`torch.split(x, n_heads)`", "`torch.chunk` their number"], []),
    "7.3 split first": ("multi_head_attention", [HEADS, """
def multi_head_attention(x, W_q, W_k, W_v, W_o, n_heads):
    h = split_heads(x, n_heads)
    q, k, v = h @ W_q, h @ W_k, h @ W_v
    o, w = attend(q, k, v)
    return merge_heads(o) @ W_o, w
"""],
     ["Project first, then split"], []),
    "7.3 W_o before merge": ("multi_head_attention", [HEADS, """
def multi_head_attention(x, W_q, W_k, W_v, W_o, n_heads):
    q, k, v = [split_heads(x @ W, n_heads) for W in (W_q, W_k, W_v)]
    o, w = attend(q, k, v)
    return merge_heads(o @ W_o), w
"""],
     ["Merge the heads first"], []),
    "8.1 split first": ("MultiHeadAttention", [FORWARD.replace(
        "self.W_q(x), self.W_k(context), self.W_v(context)", "x, context, context").replace(
        "        s = q", "        q, k, v = self.W_q(q), self.W_k(k), self.W_v(v)\n        s = q")],
     ["Project first, then split"], []),
    "8.1 W_o first": ("MultiHeadAttention", [FORWARD.replace("o = (w @ v)", "o = self.W_o(w @ v)")
        .replace("self.W_o(o), w", "o, w")],
     ["Merge the heads first"], []),
    "8.1 slash": ("MultiHeadAttention", [FORWARD.replace("n_heads, -1", "n_heads, y.shape[-1] / self.n_heads")],
     ["Compare `12 / 3` with `12 // 3`"], []),
    "8.1 missing forward": ("MultiHeadAttention", [MODULE],
     ["The class has no method `forward` yet"], ["Not attempted", "stands behind `return`"]),
    "8.1 foward": ("MultiHeadAttention", [FORWARD.replace("forward", "foward")],
     ["it has `foward`"], ["Not attempted"]),
    "NameError np": ("dot", ["del np", """
def dot(a, b):
    return np.dot(a, b)
"""],
     ["import numpy as np"], ["print the shapes"]),
    "NameError softmax": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    w = softmax(queries @ keys.T)
    return w @ values, w
"""],
     ["No cell that has run since the kernel started defines `softmax`"], ["print the shapes"]),
    "NameError typo": ("softmax", ["""
def softmax(x, axis=-1):
    exps = np.exp(x)
    return exp / exps.sum(axis, keepdims=True)
"""],
     ["there is `exps`"], ["print the shapes"]),
    "Module": ("softmax", ["""
def softmax(x, axis=-1):
    import nunpy as np
    return np.exp(x)
"""],
     ["Is `numpy` meant?"], ["print the shapes"]),
    "args 1": ("softmax", ["""
def softmax(x):
    return np.exp(x)
"""],
     ["it is called as `softmax(x, axis=-1)`"], ["by hand"]),
    "args 0": ("dot", ["""
def dot():
    return 1.0
"""],
     ["it is called as `dot(a, b)`"], ["stands behind `return`"]),
    "args names": ("softmax", ["""
def softmax(x, dim=-1):
    return np.exp(x) / np.exp(x).sum(dim, keepdims=True)
"""],
     ["it is called as `softmax(x, axis=-1)`"], ["What broke"]),
    "args inner": ("scores", ["""
def dot(a, b):
    return a @ b
""", """
def scores(q, k):
    return dot(q)
"""],
     ["`dot` is called with other arguments"], ["print the shapes"]),
    "math.exp": ("softmax", ["""
def softmax(x, axis=-1):
    e = math.exp(x)
    return e / e.sum()
"""],
     ["Functions of `math` take a single number"], ["print the shapes"]),
    "truth": ("softmax", ["""
def softmax(x, axis=-1):
    if x > 700:
        x = x - 700
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
"""],
     ["`if` and `while` want one True or False"], ["print the shapes"]),
    "5.2 in place": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    q /= math.sqrt(q.shape[-1])
    s = (q @ k.transpose(-2, -1)).masked_fill(~mask, -math.inf)
    w = torch.softmax(s, dim=-1).nan_to_num(0.0)
    return w @ v, w
"""],
     ["it changes its argument `q`", "in-place operation"], []),
    "None": ("softmax", ["""
def softmax(x, axis=-1):
    y = np.exp(x)
"""],
     ["end the function with `return`"], ["its `type`"]),
    "4.2 q.T @ k": ("scaled_scores", ["""
def scaled_scores(q, k):
    return q.T @ k / math.sqrt(q.shape[0])
"""],
     ["takes the vectors of `q` and `k` to be columns"], ["print the shapes"]),
    "2.1 e ** x": ("softmax", ["""
def softmax(x, axis=-1):
    y = e ** x
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["Python knows no number `e` by itself", "math.e"], ["print the shapes"]),
    "4.2 not defined": ("scaled_scores", ["def scaled_scores(q, k):\n    return q @ k.mT / squareroot(q.shape[-1])"],
     ["defines `squareroot`"], ["print the shapes"]),
    "3.2 sizes": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    w = np.zeros((T, S))
    return w @ values, w
"""],
     ["`T` is a size in the text of the exercise"], ["print the shapes"]),
    "2.1 sum hidden": ("softmax", ["sum = 0.0", """
def softmax(x, axis=-1):
    y = np.exp(x)
    return y / sum(y)
"""],
     ["hides Python's function `sum`"], ["print the shapes"]),
    "2.2 times missing": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    y = np.exp(2(x) / temperature)
    return y / y.sum()
"""],
     ["a `*` is missing"], ["print the shapes"]),
    "0.2 unpack": ("attention_received", ["""
def attention_received(weights):
    T, S, d = weights.shape
    return weights.sum(axis=0) / T
"""],
     ["another number of sizes than there are names"], []),
    "3.1 list of lists": ("weighted_sum", ["""
def weighted_sum(weights, values):
    out = [[0.0, 0.0], [0.0, 0.0]]
    out[0, 0] = 1.0
    return np.array(out)
"""],
     ["A list of lists is indexed `table[i][j]`"], ["print the shapes"]),
    "0.1 past the end": ("most_attended", ["""
def most_attended(weights):
    T = len(weights)
    return np.array([max(range(T + 2), key=lambda j: weights[i, j]) for i in range(T)])
"""],
     ["Position 3 is asked for where there are 3"], []),
    "0.1 no value yet": ("most_attended", ["""
def most_attended(weights):
    for i in range(len(weights)):
        total = total + 1
    return total
"""],
     ["`total` is used before it gets a value"], ["print the shapes"]),
    "2.1 recursion": ("softmax", ["def softmax(x, axis=-1):\n    return softmax(x - x.max(), axis)"],
     ["The function calls itself"], ["print the shapes"]),
    "4.2 numpy": ("scaled_scores", ["def scaled_scores(q, k):\n    return q.numpy() @ k.numpy().T"],
     ["somewhere on the way it leaves PyTorch"], []),
    "2.1 longdouble": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x.astype(np.longdouble))
    return (e / e.sum(axis=axis, keepdims=True)).astype(float)
"""],
     ["a dtype of more digits only moves the place", "scores of about 12000"], ["by hand"]),
    "2.1 -1000 for -inf": ("softmax", ["""
def softmax(x, axis=-1):
    x = np.where(np.isinf(x), -1000., x)
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["-1000 stands in for minus infinity"], ["by hand"]),
    "2.1 clipped scores": ("softmax", ["""
def softmax(x, axis=-1):
    x = np.maximum(x, -700)
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["Scores below a bound are raised to it", "exactly the weight 0"], ["by hand"]),
    "2.1 clipped differences": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(np.maximum(x - x.max(axis=axis, keepdims=True), -700))
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["exactly the weight 0", "Differences below a bound are raised"], ["by hand"]),
    "1.1 by the cosine": ("dot", ["""
def dot(a, b):
    n = np.linalg.norm
    return n(a) * n(b) * (a @ b / (n(a) * n(b)))
"""],
     ["a vector of zeros does not have"], ["by hand"]),
    "1.2 short for zero": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    if np.linalg.norm(a) < 0.1 or np.linalg.norm(b) < 0.1:
        return 0.0
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
"""],
     ["It takes short vectors for zero vectors"], ["by hand"]),
    "1.2 small product for zero": ("cosine_similarity", ["""
def cosine_similarity(a, b):
    if np.linalg.norm(a) * np.linalg.norm(b) < 1e-6:
        return 0.0
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
"""],
     ["It takes short vectors for zero vectors"], ["by hand"]),
    "5.2 stable by hand": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = q @ k.mT / math.sqrt(q.shape[-1])
    x = s.masked_fill(~mask, -1e9)
    e = torch.exp(s - x.amax(-1, keepdim=True)) * mask
    w = e / (e.sum(-1, keepdim=True) + 1e-9)
    return w @ v, w
"""],
     ["A query that sees no key then has NaN", "row 1 sees no key"], ["after the softmax", "Give a hidden key"]),
    "5.2 -1000": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -1000.0)
    w = torch.softmax(s, -1)
    return w @ v, w
"""],
     ["(-1000, -10000 or the like)", "a query that sees no key attends to all"], ["Hidden scores become"]),
    "5.2 -1000 covered": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -1000.0)
    w = torch.softmax(s, -1) * mask
    return w @ v, w
"""],
     ["(-1000, -10000 or the like)"], ["Hidden scores become", "sees no key"]),
    "2.3 columns scaled": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    return (np.eye(len(p)) - np.outer(np.ones(len(p)), p)) * p
"""],
     ["Beside the diagonal, column j holds -p[j] * p[j]"], ["p * p has shape"]),
    "2.3 column": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)[:, None]
    return np.diag(p) - p @ p.T
"""],
     ["np.diag takes the diagonal of a table out"], ["by hand"]),
    "2.3 column squared": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x).reshape(-1, 1)
    return p * (np.eye(len(x)) - p)
"""],
     ["row i holds -p[i] * p[i]"], ["by hand"]),
    "5.1 i.T": ("causal_mask", ["""
def causal_mask(T):
    i = torch.arange(T)
    return i <= i.T
"""],
     ["`.T` turns nothing that has one axis"], ["Only one row", "of the last query"]),
    "1.1 double comprehension": ("dot", ["""
def dot(a, b):
    return sum([x * y for x in a for y in b])
"""],
     ["every number of one met every number of the other"], ["It adds each vector up first"]),
    "1.1 list of all pairs": ("dot", ["""
def dot(a, b):
    return [x * y for x in a for y in b]
"""],
     ["nothing adds them up"], ["returns the list of products"]),
    "5.3 arange from 1": ("padding_mask", ["""
def padding_mask(lengths, S):
    return (torch.arange(1, S) < lengths[:, None])[:, None, None, :]
"""],
     ["The places begin at 1"], ["Index with `None`"]),
    "5.3 exchanged": ("padding_mask", ["""
def padding_mask(lengths, S):
    return (torch.arange(S)[:, None] < lengths)[:, None, None, :]
"""],
     ["The places stand on the first axis"], ["Index with `None`"]),
    "2.2 lse": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    y = x / temperature
    return np.exp(y - np.log(np.exp(y).sum(-1, keepdims=True)))
"""],
     ["np.exp of a large score is inf"], ["by hand"]),
    "3.2 lse": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    s = queries @ keys.T
    w = np.exp(s - np.log(np.exp(s).sum(-1, keepdims=True)))
    return w @ values, w
"""],
     ["np.exp of a large score is inf"], ["by hand"]),
    "4.3 lse": ("scaled_dot_product_attention", ["""
def scaled_dot_product_attention(q, k, v):
    s = q @ k.mT / math.sqrt(q.shape[-1])
    w = torch.exp(s - torch.log(torch.exp(s).sum(-1, keepdim=True)))
    return w @ v, w
"""],
     ["Nothing is subtracted before the exponential"], ["by hand"]),
    "5.2 lse": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    w = torch.exp(s - torch.log(torch.exp(s).sum(-1, keepdim=True)))
    return w @ v, w
"""],
     ["Nothing is subtracted before the exponential"], ["by hand"]),
    "5.2 torch.logsumexp": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    w = torch.exp(s - torch.logsumexp(s, -1, keepdim=True))
    return w @ v, w
"""],
     ["minus infinity minus minus infinity"], ["by hand"]),
    "5.2 polarity covered": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(mask, -math.inf)
    w = torch.softmax(s, -1) * mask
    return w @ v, w
"""],
     ["The keys that may be seen are hidden"], ["by hand"]),
    "5.2 polarity covered, no NaN": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(mask, -math.inf)
    w = torch.softmax(s, -1).nan_to_num(0.0) * mask
    return w @ v, w
"""],
     ["The keys that may be seen are hidden"], ["Zero times infinity"]),
    "5.2 the text's loop": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = torch.zeros(scores.shape)
    for i in range(q.shape[-2]):
        keys = [j for j in range(k.shape[-2]) if mask[i, j]]
        if keys:
            weights[i, keys] = torch.softmax(scores[i, keys], dim=-1)
    return weights @ v, weights
"""],
     ["The loop is made for a table", "`mask` has three axes, (1, 4, 3)"], ["`if` and `while` want", ".any()"]),
    "5.2 loop that fills": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    for i in range(q.shape[-2]):
        for j in range(k.shape[-2]):
            if mask[i, j]:
                pass
            else:
                scores[i, j] = -math.inf
    weights = torch.softmax(scores, dim=-1)
    weights = torch.nan_to_num(weights)
    return weights @ v, weights
"""],
     ["The loop is made for a table", "`mask[i, j]` is more than one entry"], ["`if` and `while` want"]),
    "2.1 sum of rows": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / sum(e)
"""],
     ["Python's `sum(e)` adds the rows of a table up"], ["by hand"]),
    "2.2 sum of rows": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    x = x / temperature
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / sum(e)
"""],
     ["Python's `sum(e)` adds the rows of a table up"], ["by hand"]),
    "2.2 sum of rows, large": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    return np.exp(x / temperature) / sum(np.exp(x / temperature))
"""],
     ["Python's `sum(e)` adds the rows of a table up"], ["by hand"]),
    "3.2 sum of rows": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    s = queries @ keys.T
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    w = e / sum(e)
    return w @ values, w
"""],
     ["Python's `sum(e)` adds the rows of a table up"], ["by hand"]),
    "2.1 max of rows": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x - max(x))
    return e / sum(e)
"""],
     ["Python's `max(x)` compares"], ["one axes", "right for up to"]),
    "2.1 from 1": ("softmax", ["""
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    out = np.zeros(x.shape)
    for i in range(1, len(x)):
        out[i] = e[i] / e[i].sum()
    return out
"""],
     ["A loop begins at 1"], ["by hand"]),
    "2.3 from 1": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    J = np.zeros((len(x), len(x)))
    for i in range(1, len(x)):
        for j in range(1, len(x)):
            J[i, j] = p[i] * ((i == j) - p[j])
    return J
"""],
     ["A loop begins at 1"], ["by hand"]),
    "2.3 from 1 to n": ("softmax_jacobian", ["""
def softmax_jacobian(x):
    p = own('softmax')(x)
    J = np.zeros((len(x), len(x)))
    for i in range(1, len(x) + 1):
        for j in range(1, len(x) + 1):
            J[i, j] = p[i] * ((i == j) - p[j])
    return J
"""],
     ["A loop runs from 1 to n"], ["Position 2 is asked for"]),
    "3.1 from 1": ("weighted_sum", ["""
def weighted_sum(weights, values):
    T, S = weights.shape
    out = np.zeros((T, values.shape[1]))
    for t in range(1, T):
        for s in range(1, S):
            out[t] += weights[t, s] * values[s]
    return out
"""],
     ["A loop begins at 1"], ["by hand"]),
    "3.1 keys from 1": ("weighted_sum", ["""
def weighted_sum(weights, values):
    T, S = weights.shape[-2:]
    out = np.zeros((*weights.shape[:-1], values.shape[-1]))
    for t in range(T):
        for s in range(1, S):
            out[..., t, :] += weights[..., t, s, None] * values[..., s, :]
    return out
"""],
     ["A loop begins at 1"], ["by hand"]),
    "3.2 from 1": ("soft_lookup", ["""
def soft_lookup(queries, keys, values):
    T, S = len(queries), len(keys)
    s = np.zeros((T, S))
    for i in range(1, T):
        for j in range(1, S):
            s[i, j] = queries[i] @ keys[j]
    w = own('softmax')(s)
    return w @ values, w
"""],
     ["A loop begins at 1"], ["by hand"]),
    "5.1 from 1": ("causal_mask", ["""
def causal_mask(T):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(1, T):
        for j in range(1, i + 1):
            mask[i, j] = True
    return mask
"""],
     ["A loop begins at 1"], ["by hand"]),
    "5.1 from 1 to n": ("causal_mask", ["""
def causal_mask(T):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(1, T + 1):
        for j in range(1, i + 1):
            mask[i, j] = True
    return mask
"""],
     ["A loop runs from 1 to n"], ["Position 3 is asked for"]),
    "5.4 from 1": ("decoder_mask", ["""
def decoder_mask(real):
    S = real.shape[-1]
    mask = torch.zeros(len(real), 1, S, S, dtype=torch.bool)
    for b in range(len(real)):
        for i in range(1, S):
            for j in range(1, i + 1):
                mask[b, 0, i, j] = real[b, j]
    return mask
"""],
     ["A loop begins at 1"], ["by hand"]),
    "2.1 e typed": ("softmax", ["""
def softmax(x, axis=-1):
    e = 2.718
    y = e ** (x - x.max(axis=axis, keepdims=True))
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["2.718 stands in for e"], ["by hand"]),
    "2.2 e typed": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    x = x / temperature
    y = 2.718 ** (x - x.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)
"""],
     ["2.718 stands in for e"], ["by hand"]),
    "2.1 alias": ("softmax", ["""
def softmax(x, axis=-1):
    y = x
    y -= x.max(axis=axis, keepdims=True)
    e = np.exp(y)
    return e / e.sum(axis=axis, keepdims=True)
"""],
     ["`y = x` ", "copies nothing"], ["maximum is subtracted in place"]),
    "2.2 alias": ("softmax_with_temperature", ["""
def softmax_with_temperature(x, temperature):
    y = x
    y /= temperature
    return own('softmax')(y)
"""],
     ["`y = x` ", "copies nothing"], ["division is done in place"]),
    "3.3 alias": ("kernel_regression", ["""
def kernel_regression(queries, keys, values, width):
    out = queries
    for i in range(len(queries)):
        s = -(queries[i] - keys) ** 2 / (2 * width ** 2)
        out[i] = own('softmax')(s) @ values
    return out
"""],
     ["`out = queries` ", "copies nothing"], ["a *= 2"]),
    "5.2 ~ turned round": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    e = torch.exp(q @ k.mT / math.sqrt(q.shape[-1])) * ~mask
    w = e / e.sum(-1, keepdim=True)
    return w @ v, w
"""],
     ["without the `~` the example comes out right"], ["by hand"]),
    "5.2 dim=0": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    w = torch.softmax(s, dim=0)
    return w @ v, w
"""],
     ["The softmax runs along axis 0"], ["by hand"]),
    "5.2 dim=0 covered": ("masked_attention", ["""
def masked_attention(q, k, v, mask):
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    w = torch.softmax(s, dim=0)
    w = w * mask
    return w @ v, w
"""],
     ["The softmax runs along axis 0"], ["by hand"]),
    "0.1 lists in a list": ("most_attended", ["""
def most_attended(weights):
    return [np.where(row == max(row)) for row in weights]
"""],
     ["It returns a Python list"], ["It ranks all the keys"]),
    "2.1 math not imported": ("softmax", ["""
del math
def softmax(x, axis=-1):
    y = math.e ^ x
    return y / y.sum(axis=axis, keepdims=True)
"""],
     ["no cell that has run imports it"], ["a power is written"]),
    "5.3 the text's loop": ("padding_mask", ["""
def padding_mask(lengths, S):
    for b in range(len(lengths)):
        for j in range(S):
            mask[b, 0, 0, j] = j < lengths[b]
    return mask
"""],
     ["nothing has made", "`mask = torch.zeros(...)`"], ["Run the cell that defines"]),
}
