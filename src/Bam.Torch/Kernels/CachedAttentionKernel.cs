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
    private const int Tile = 4;  // neighbours, or keys

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

                if (Vector512.IsHardwareAccelerated) Attend<WideVector>(asking, count, headKeys, headValues, scores, pitch);
                else Attend<PairedVector>(asking, count, headKeys, headValues, scores, pitch);
            }
        });
    }

    // One head's queries of neighbours, whose keys and values begin with the first that any of them sees.
    private void Attend<TVector>(Query* asking, int count, float* keys, float* values, float* scores, int pitch)
        where TVector : struct, IWideVector<TVector>
    {
        var sums = stackalloc float[Tile];
        if (count == Tile) DotsOfTile<TVector>(asking, keys, scores, pitch);
        for (var i = 0; i < count; i++)
        {
            var own = scores + (long)i * pitch + asking[i].First;
            var length = asking[i].End - asking[i].First;
            if (count < Tile) Dots<TVector>(asking[i].Values, keys + (long)asking[i].First * headDim, own, length);
            sums[i] = AttentionRows.Softmax(own, 0, length, (length + Lanes - 1) / Lanes * Lanes).Sum;
        }

        if (count == Tile)
        {
            WeightedSumsOfTile<TVector>(asking, values, scores, pitch, sums);
            return;
        }

        for (var i = 0; i < count; i++)
        {
            WeightedSum<TVector>(
                scores + (long)i * pitch + asking[i].First, values + (long)asking[i].First * headDim, asking[i].Gate / sums[i],
                asking[i].End - asking[i].First, asking[i].Output);
        }
    }

    // The number of a key-value head's plane [capacity, D] in the memory.
    private long PlaneOf(int token, int head, TokenPlaces places) => (long)places.Slots[token] * shape.KeyValueHeads + head;

    // scores[s] = query · keys[s], four keys at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Dots<TVector>(float* query, float* keys, float* scores, int length)
        where TVector : struct, IWideVector<TVector>
    {
        var s = 0;
        for (; s + Tile <= length; s += Tile, keys += (long)Tile * headDim)
        {
            TVector a = default, b = default, c = default, d = default;
            for (var i = 0; i < headDim; i += TVector.Count)
            {
                var values = TVector.Load(query + i);
                a = TVector.MultiplyAdd(values, TVector.Load(keys + i), a);
                b = TVector.MultiplyAdd(values, TVector.Load(keys + headDim + i), b);
                c = TVector.MultiplyAdd(values, TVector.Load(keys + 2 * headDim + i), c);
                d = TVector.MultiplyAdd(values, TVector.Load(keys + 3 * headDim + i), d);
            }

            TVector.Sums(a, b, c, d).Store(scores + s);
        }

        for (; s < length; s++, keys += headDim)
        {
            TVector sums = default;
            for (var i = 0; i < headDim; i += TVector.Count)
                sums = TVector.MultiplyAdd(TVector.Load(query + i), TVector.Load(keys + i), sums);
            scores[s] = TVector.Sums(sums, sums, sums, sums).ToScalar();
        }
    }

    // scores[i, s] = query i · keys[s] for four queries, each summed as above; also of keys that a query does not see.
    private void DotsOfTile<TVector>(Query* asking, float* keys, float* scores, int pitch)
        where TVector : struct, IWideVector<TVector>
    {
        var length = asking[Tile - 1].End;
        var done = TVector.HasManyRegisters ? DotsByFourKeys<TVector>(asking, keys, scores, pitch, length)
            : DotsByKey<TVector>(asking, keys, scores, pitch, length);
        for (var i = 0; i < Tile; i++)
        {
            Dots<TVector>(
                asking[i].Values, keys + (long)done * headDim, scores + (long)i * pitch + done, length - done);
        }
    }

    // 16 sums, 4 vectors of keys and one of a query in 32 registers. Returns the number of keys.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int DotsByFourKeys<TVector>(Query* asking, float* keys, float* scores, int pitch, int length)
        where TVector : struct, IWideVector<TVector>
    {
        float* q0 = asking[0].Values, q1 = asking[1].Values, q2 = asking[2].Values, q3 = asking[3].Values;
        var s = 0;
        for (; s + Tile <= length; s += Tile, keys += (long)Tile * headDim)
        {
            TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default,
                b3 = default, c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default,
                d3 = default;
            for (var i = 0; i < headDim; i += TVector.Count)
            {
                var (k0, k1) = (TVector.Load(keys + i), TVector.Load(keys + headDim + i));
                var (k2, k3) = (TVector.Load(keys + 2 * headDim + i), TVector.Load(keys + 3 * headDim + i));
                var query = TVector.Load(q0 + i);
                (a0, a1) = (TVector.MultiplyAdd(query, k0, a0), TVector.MultiplyAdd(query, k1, a1));
                (a2, a3) = (TVector.MultiplyAdd(query, k2, a2), TVector.MultiplyAdd(query, k3, a3));
                query = TVector.Load(q1 + i);
                (b0, b1) = (TVector.MultiplyAdd(query, k0, b0), TVector.MultiplyAdd(query, k1, b1));
                (b2, b3) = (TVector.MultiplyAdd(query, k2, b2), TVector.MultiplyAdd(query, k3, b3));
                query = TVector.Load(q2 + i);
                (c0, c1) = (TVector.MultiplyAdd(query, k0, c0), TVector.MultiplyAdd(query, k1, c1));
                (c2, c3) = (TVector.MultiplyAdd(query, k2, c2), TVector.MultiplyAdd(query, k3, c3));
                query = TVector.Load(q3 + i);
                (d0, d1) = (TVector.MultiplyAdd(query, k0, d0), TVector.MultiplyAdd(query, k1, d1));
                (d2, d3) = (TVector.MultiplyAdd(query, k2, d2), TVector.MultiplyAdd(query, k3, d3));
            }

            TVector.Sums(a0, a1, a2, a3).Store(scores + s);
            TVector.Sums(b0, b1, b2, b3).Store(scores + pitch + s);
            TVector.Sums(c0, c1, c2, c3).Store(scores + 2 * pitch + s);
            TVector.Sums(d0, d1, d2, d3).Store(scores + 3 * pitch + s);
        }

        return s;
    }

    // 4 sums and one key, of two registers each.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int DotsByKey<TVector>(Query* asking, float* keys, float* scores, int pitch, int length)
        where TVector : struct, IWideVector<TVector>
    {
        float* q0 = asking[0].Values, q1 = asking[1].Values, q2 = asking[2].Values, q3 = asking[3].Values;
        for (var s = 0; s < length; s++, keys += headDim)
        {
            TVector a = default, b = default, c = default, d = default;
            for (var i = 0; i < headDim; i += TVector.Count)
            {
                var key = TVector.Load(keys + i);
                (a, b) = (TVector.MultiplyAdd(TVector.Load(q0 + i), key, a), TVector.MultiplyAdd(TVector.Load(q1 + i), key, b));
                (c, d) = (TVector.MultiplyAdd(TVector.Load(q2 + i), key, c), TVector.MultiplyAdd(TVector.Load(q3 + i), key, d));
            }

            var sums = TVector.Sums(a, b, c, d);
            for (var i = 0; i < Tile; i++) scores[(long)i * pitch + s] = sums[i];
        }

        return length;
    }

    // output = factor · Σ weights[s] · values[s], four vectors of the head at a time so that they stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeightedSum<TVector>(float* weights, float* values, float factor, int length, float* output)
        where TVector : struct, IWideVector<TVector>
    {
        var (column, factors) = (0, TVector.Create(factor));
        for (; column + 4 * Lanes <= headDim; column += 4 * Lanes)
        {
            TVector a = default, b = default, c = default, d = default;
            var row = values + column;
            for (var s = 0; s < length; s++, row += headDim)
            {
                var weight = TVector.Create(weights[s]);
                a = TVector.MultiplyAdd(weight, TVector.Load(row), a);
                b = TVector.MultiplyAdd(weight, TVector.Load(row + Lanes), b);
                c = TVector.MultiplyAdd(weight, TVector.Load(row + 2 * Lanes), c);
                d = TVector.MultiplyAdd(weight, TVector.Load(row + 3 * Lanes), d);
            }

            TVector.Store(a * factors, output + column);
            TVector.Store(b * factors, output + column + Lanes);
            TVector.Store(c * factors, output + column + 2 * Lanes);
            TVector.Store(d * factors, output + column + 3 * Lanes);
        }

        for (; column < headDim; column += Lanes)
        {
            TVector sum = default;
            for (var s = 0; s < length; s++)
            {
                sum = TVector.MultiplyAdd(
                    TVector.Create(weights[s]), TVector.Load(values + (long)s * headDim + column), sum);
            }

            TVector.Store(sum * factors, output + column);
        }
    }

    // The same for four queries. What a query does not see has the weight 0.
    private void WeightedSumsOfTile<TVector>(Query* asking, float* values, float* weights, int pitch, float* sums)
        where TVector : struct, IWideVector<TVector>
    {
        var length = asking[Tile - 1].End;
        for (var i = 0; i < Tile; i++)
        {
            new Span<float>(weights + (long)i * pitch, asking[i].First).Clear();
            new Span<float>(weights + (long)i * pitch + asking[i].End, length - asking[i].End).Clear();
        }

        if (TVector.HasManyRegisters) WeightedSumsByTwo<TVector>(asking, values, weights, pitch, sums, length);
        else WeightedSumsByOne<TVector>(asking, values, weights, pitch, sums, length);
    }

    // Two vectors of the head at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeightedSumsByTwo<TVector>(Query* asking, float* values, float* weights, int pitch, float* sums, int length)
        where TVector : struct, IWideVector<TVector>
    {
        for (var column = 0; column < headDim; column += 2 * Lanes)
        {
            // A last vector alone is computed twice.
            var second = column + Lanes < headDim ? Lanes : 0;
            TVector a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default,
                d1 = default;
            float* row = values + column, weight = weights;
            for (var s = 0; s < length; s++, row += headDim, weight++)
            {
                var (v0, v1) = (TVector.Load(row), TVector.Load(row + second));
                var w = TVector.Create(weight[0]);
                (a0, a1) = (TVector.MultiplyAdd(w, v0, a0), TVector.MultiplyAdd(w, v1, a1));
                w = TVector.Create(weight[pitch]);
                (b0, b1) = (TVector.MultiplyAdd(w, v0, b0), TVector.MultiplyAdd(w, v1, b1));
                w = TVector.Create(weight[2 * pitch]);
                (c0, c1) = (TVector.MultiplyAdd(w, v0, c0), TVector.MultiplyAdd(w, v1, c1));
                w = TVector.Create(weight[3 * pitch]);
                (d0, d1) = (TVector.MultiplyAdd(w, v0, d0), TVector.MultiplyAdd(w, v1, d1));
            }

            Store(asking[0], sums[0], a0, column);
            Store(asking[0], sums[0], a1, column + second);
            Store(asking[1], sums[1], b0, column);
            Store(asking[1], sums[1], b1, column + second);
            Store(asking[2], sums[2], c0, column);
            Store(asking[2], sums[2], c1, column + second);
            Store(asking[3], sums[3], d0, column);
            Store(asking[3], sums[3], d1, column + second);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeightedSumsByOne<TVector>(Query* asking, float* values, float* weights, int pitch, float* sums, int length)
        where TVector : struct, IWideVector<TVector>
    {
        for (var column = 0; column < headDim; column += Lanes)
        {
            TVector a = default, b = default, c = default, d = default;
            float* row = values + column, weight = weights;
            for (var s = 0; s < length; s++, row += headDim, weight++)
            {
                var v = TVector.Load(row);
                a = TVector.MultiplyAdd(TVector.Create(weight[0]), v, a);
                b = TVector.MultiplyAdd(TVector.Create(weight[pitch]), v, b);
                c = TVector.MultiplyAdd(TVector.Create(weight[2 * pitch]), v, c);
                d = TVector.MultiplyAdd(TVector.Create(weight[3 * pitch]), v, d);
            }

            Store(asking[0], sums[0], a, column);
            Store(asking[1], sums[1], b, column);
            Store(asking[2], sums[2], c, column);
            Store(asking[3], sums[3], d, column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVector>(Query query, float sum, TVector values, int column)
        where TVector : struct, IWideVector<TVector> =>
        TVector.Store(values * TVector.Create(query.Gate / sum), query.Output + column);

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
