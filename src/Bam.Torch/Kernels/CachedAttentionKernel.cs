using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// <see cref="CausalAttentionKernel"/> for new tokens behind others: the keys and values of the tokens before are read once for
/// each new token, or for four neighbours, where they lie. One work item is up to four neighbours with one key-value head and all
/// the query heads that read it. The shape has a sequence of length 1 for each token; which of them belong together,
/// <see cref="TokenPlaces"/> says. A token's result is the same with neighbours and without.
/// </summary>
internal sealed unsafe class CachedAttentionKernel(AttentionShape shape, QueryRows queryRows, RotaryTables rotary)
{
    private const int Lanes = SmallGemm.Lanes;
    private const int Tile = 4;  // neighbours

    private readonly int headDim = shape.HeadDim;
    private readonly float scale = (float)shape.Scale;
    private readonly int experts = shape.QueryHeads / (shape.KeyValueHeads * shape.HeadsPerKeyValueHead);

    /// <summary>Writes the new tokens' keys and values, and out = gate · softmax(scale · Q Kᵀ) V for every row's heads.</summary>
    /// <param name="queries">[rows, heads of a row · D], before rotary embedding.</param>
    /// <param name="keysAndValues">[n, 2·K·D], before rotary embedding.</param>
    /// <param name="gates">[rows, N], or null for gates of 1; null where a row has one expert's heads.</param>
    /// <param name="keys">[slots, K, capacity, D], rotated.</param>
    /// <param name="values">[slots, K, capacity, D].</param>
    /// <param name="capacity">Positions of the keys and values.</param>
    /// <param name="places">Where the n tokens stand.</param>
    /// <param name="output">[rows, heads of a row · D].</param>
    public void Forward(
        RowMatrix queries, RowMatrix keysAndValues, float* gates, float* keys, float* values, int capacity, TokenPlaces places,
        float* output)
    {
        // First all keys and values: later tokens of a sequence see the earlier ones.
        ParallelLoop.For(places.Count, token =>
        {
            for (var head = 0; head < shape.KeyValueHeads; head++)
            {
                var position = places.Positions[token];
                var offset = (PlaneOf(token, head, places) * capacity + position) * headDim;
                AttentionRows.Copy(keysAndValues.At(token, (long)head * headDim), keys + offset, headDim);
                rotary.Rotate(keys + offset, position, 1);
                AttentionRows.Copy(
                    keysAndValues.At(token, (long)(shape.KeyValueHeads + head) * headDim), values + offset, headDim);
            }
        });

        (int First, int Count)[] parts = [.. places.Runs(Tile)];
        ParallelLoop.For(parts.Length * shape.KeyValueHeads, item =>
        {
            var (part, keyValueHead) = Math.DivRem(item, shape.KeyValueHeads);
            var (firstToken, tokens) = parts[part];
            var plane = PlaneOf(firstToken, keyValueHead, places) * capacity * headDim;
            var start = shape.FirstSeenFrom(places.Positions[firstToken]);
            var headKeys = keys + plane + (long)start * headDim;      // [capacity - start, D]
            var headValues = values + plane + (long)start * headDim;  // [capacity - start, D]
            var pitch = (places.Positions[firstToken] + tokens - start + 2 * Lanes - 1) / Lanes * Lanes;
            using var scratch = new Scratch(Tile * (pitch + headDim));
            var scores = scratch.Take(Tile * pitch);
            var turned = scratch.Take(Tile * headDim);
            var asking = stackalloc Query[Tile];
            for (var reader = 0; reader < experts * shape.HeadsPerKeyValueHead; reader++)
            {
                var (expert, place) = Math.DivRem(reader, shape.HeadsPerKeyValueHead);
                var head = (expert * shape.KeyValueHeads + keyValueHead) * shape.HeadsPerKeyValueHead + place;
                var column = (long)queryRows.Place(head) * headDim;
                var count = 0;
                for (var token = firstToken; token < firstToken + tokens; token++)
                {
                    var (row, rows) = queryRows.Of(token, head);
                    if (rows == 0) continue;  // the token did not choose its expert
                    var position = places.Positions[token];
                    var query = turned + count * headDim;
                    AttentionRows.Scale(queries.At(row, column), scale, query, headDim);
                    rotary.Rotate(query, position, 1);
                    var gate = gates == null ? 1f : gates[(long)row * shape.Experts + head / shape.HeadsPerExpert];
                    asking[count++] = new(
                        query, shape.FirstSeenFrom(position) - start, position + 1 - start, gate,
                        output + (long)row * queryRows.Heads * headDim + column);
                }

                Attend(asking, count, headKeys, headValues, scores, pitch);
            }
        });
    }

    // One head's queries of neighbours, whose keys and values begin with the first that any of them sees.
    private void Attend(Query* asking, int count, float* keys, float* values, float* scores, int pitch)
    {
        var sums = stackalloc float[Tile];
        if (count == Tile) DotsOfTile(asking, keys, scores, pitch);
        for (var i = 0; i < count; i++)
        {
            var own = scores + (long)i * pitch + asking[i].First;
            var length = asking[i].End - asking[i].First;
            if (count < Tile) Dots(asking[i].Values, keys + (long)asking[i].First * headDim, own, length);
            sums[i] = AttentionRows.Softmax(own, 0, length, (length + Lanes - 1) / Lanes * Lanes).Sum;
        }

        if (count == Tile)
        {
            WeightedSumsOfTile(asking, values, scores, pitch, sums);
            return;
        }

        for (var i = 0; i < count; i++)
        {
            WeightedSum(
                scores + (long)i * pitch + asking[i].First, values + (long)asking[i].First * headDim, asking[i].Gate / sums[i],
                asking[i].End - asking[i].First, asking[i].Output);
        }
    }

    // The number of a key-value head's plane [capacity, D] in the memory.
    private long PlaneOf(int token, int head, TokenPlaces places) => (long)places.Slots[token] * shape.KeyValueHeads + head;

    // scores[s] = query · keys[s], four keys at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Dots(float* query, float* keys, float* scores, int length)
    {
        var s = 0;
        for (; s + Tile <= length; s += Tile, keys += (long)Tile * headDim)
        {
            Vector512<float> a = default, b = default, c = default, d = default;
            for (var i = 0; i < headDim; i += Lanes)
            {
                var values = Vector512.Load(query + i);
                a = Vector512.FusedMultiplyAdd(values, Vector512.Load(keys + i), a);
                b = Vector512.FusedMultiplyAdd(values, Vector512.Load(keys + headDim + i), b);
                c = Vector512.FusedMultiplyAdd(values, Vector512.Load(keys + 2 * headDim + i), c);
                d = Vector512.FusedMultiplyAdd(values, Vector512.Load(keys + 3 * headDim + i), d);
            }

            VectorMath.Sums(a, b, c, d).Store(scores + s);
        }

        for (; s < length; s++, keys += headDim)
        {
            var sums = Vector512<float>.Zero;
            for (var i = 0; i < headDim; i += Lanes)
                sums = Vector512.FusedMultiplyAdd(Vector512.Load(query + i), Vector512.Load(keys + i), sums);
            scores[s] = VectorMath.Sum(sums);
        }
    }

    // scores[i, s] = query i · keys[s] for four queries, each summed as above; also of keys that a query does not see.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DotsOfTile(Query* asking, float* keys, float* scores, int pitch)
    {
        float* q0 = asking[0].Values, q1 = asking[1].Values, q2 = asking[2].Values, q3 = asking[3].Values;
        var (length, s) = (asking[Tile - 1].End, 0);
        for (; s + Tile <= length; s += Tile, keys += (long)Tile * headDim)
        {
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default,
                b3 = default, c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default,
                d3 = default;
            for (var i = 0; i < headDim; i += Lanes)
            {
                var (k0, k1) = (Vector512.Load(keys + i), Vector512.Load(keys + headDim + i));
                var (k2, k3) = (Vector512.Load(keys + 2 * headDim + i), Vector512.Load(keys + 3 * headDim + i));
                var query = Vector512.Load(q0 + i);
                (a0, a1) = (Vector512.FusedMultiplyAdd(query, k0, a0), Vector512.FusedMultiplyAdd(query, k1, a1));
                (a2, a3) = (Vector512.FusedMultiplyAdd(query, k2, a2), Vector512.FusedMultiplyAdd(query, k3, a3));
                query = Vector512.Load(q1 + i);
                (b0, b1) = (Vector512.FusedMultiplyAdd(query, k0, b0), Vector512.FusedMultiplyAdd(query, k1, b1));
                (b2, b3) = (Vector512.FusedMultiplyAdd(query, k2, b2), Vector512.FusedMultiplyAdd(query, k3, b3));
                query = Vector512.Load(q2 + i);
                (c0, c1) = (Vector512.FusedMultiplyAdd(query, k0, c0), Vector512.FusedMultiplyAdd(query, k1, c1));
                (c2, c3) = (Vector512.FusedMultiplyAdd(query, k2, c2), Vector512.FusedMultiplyAdd(query, k3, c3));
                query = Vector512.Load(q3 + i);
                (d0, d1) = (Vector512.FusedMultiplyAdd(query, k0, d0), Vector512.FusedMultiplyAdd(query, k1, d1));
                (d2, d3) = (Vector512.FusedMultiplyAdd(query, k2, d2), Vector512.FusedMultiplyAdd(query, k3, d3));
            }

            VectorMath.Sums(a0, a1, a2, a3).Store(scores + s);
            VectorMath.Sums(b0, b1, b2, b3).Store(scores + pitch + s);
            VectorMath.Sums(c0, c1, c2, c3).Store(scores + 2 * pitch + s);
            VectorMath.Sums(d0, d1, d2, d3).Store(scores + 3 * pitch + s);
        }

        for (var i = 0; i < Tile; i++) Dots(asking[i].Values, keys, scores + (long)i * pitch + s, length - s);
    }

    // output = factor · Σ weights[s] · values[s], four vectors of the head at a time so that they stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeightedSum(float* weights, float* values, float factor, int length, float* output)
    {
        var column = 0;
        for (; column + 4 * Lanes <= headDim; column += 4 * Lanes)
        {
            Vector512<float> a = default, b = default, c = default, d = default;
            var row = values + column;
            for (var s = 0; s < length; s++, row += headDim)
            {
                var weight = Vector512.Create(weights[s]);
                a = Vector512.FusedMultiplyAdd(weight, Vector512.Load(row), a);
                b = Vector512.FusedMultiplyAdd(weight, Vector512.Load(row + Lanes), b);
                c = Vector512.FusedMultiplyAdd(weight, Vector512.Load(row + 2 * Lanes), c);
                d = Vector512.FusedMultiplyAdd(weight, Vector512.Load(row + 3 * Lanes), d);
            }

            (a * factor).Store(output + column);
            (b * factor).Store(output + column + Lanes);
            (c * factor).Store(output + column + 2 * Lanes);
            (d * factor).Store(output + column + 3 * Lanes);
        }

        for (; column < headDim; column += Lanes)
        {
            var sum = Vector512<float>.Zero;
            for (var s = 0; s < length; s++)
                sum = Vector512.FusedMultiplyAdd(
                    Vector512.Create(weights[s]), Vector512.Load(values + (long)s * headDim + column), sum);
            (sum * factor).Store(output + column);
        }
    }

    // The same for four queries, two vectors of the head at a time. What a query does not see has the weight 0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeightedSumsOfTile(Query* asking, float* values, float* weights, int pitch, float* sums)
    {
        var length = asking[Tile - 1].End;
        for (var i = 0; i < Tile; i++)
        {
            new Span<float>(weights + (long)i * pitch, asking[i].First).Clear();
            new Span<float>(weights + (long)i * pitch + asking[i].End, length - asking[i].End).Clear();
        }

        for (var column = 0; column < headDim; column += 2 * Lanes)
        {
            // A last vector alone is computed twice.
            var second = column + Lanes < headDim ? Lanes : 0;
            Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default,
                d1 = default;
            float* row = values + column, weight = weights;
            for (var s = 0; s < length; s++, row += headDim, weight++)
            {
                var (v0, v1) = (Vector512.Load(row), Vector512.Load(row + second));
                var w = Vector512.Create(weight[0]);
                (a0, a1) = (Vector512.FusedMultiplyAdd(w, v0, a0), Vector512.FusedMultiplyAdd(w, v1, a1));
                w = Vector512.Create(weight[pitch]);
                (b0, b1) = (Vector512.FusedMultiplyAdd(w, v0, b0), Vector512.FusedMultiplyAdd(w, v1, b1));
                w = Vector512.Create(weight[2 * pitch]);
                (c0, c1) = (Vector512.FusedMultiplyAdd(w, v0, c0), Vector512.FusedMultiplyAdd(w, v1, c1));
                w = Vector512.Create(weight[3 * pitch]);
                (d0, d1) = (Vector512.FusedMultiplyAdd(w, v0, d0), Vector512.FusedMultiplyAdd(w, v1, d1));
            }

            Store(asking[0], sums[0], a0, a1);
            Store(asking[1], sums[1], b0, b1);
            Store(asking[2], sums[2], c0, c1);
            Store(asking[3], sums[3], d0, d1);

            void Store(Query query, float sum, Vector512<float> first, Vector512<float> last)
            {
                var factor = query.Gate / sum;
                (first * factor).Store(query.Output + column);
                (last * factor).Store(query.Output + column + second);
            }
        }
    }

    // A token's query of one head: its values, rotated and scaled; the keys from First to End - 1 that it sees; where the result
    // goes.
    private readonly struct Query(float* values, int first, int end, float gate, float* output)
    {
        public readonly float* Values = values;
        public readonly int First = first;
        public readonly int End = end;
        public readonly float Gate = gate;
        public readonly float* Output = output;
    }
}
