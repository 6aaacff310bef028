using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// <see cref="CausalAttentionKernel"/> for one new token of each sequence: keys and values of the tokens before are read once,
/// where they lie. One work item is one key-value head of one sequence with all the query heads that read it.
/// </summary>
internal sealed unsafe class CachedAttentionKernel(AttentionShape shape, QueryRows queryRows, RotaryTables rotary)
{
    private const int Lanes = SmallGemm.Lanes;

    private readonly int headDim = shape.HeadDim;
    private readonly float scale = (float)shape.Scale;
    private readonly int experts = shape.QueryHeads / (shape.KeyValueHeads * shape.HeadsPerKeyValueHead);

    /// <summary>Writes the new token's keys and values, and out = gate · softmax(scale · Q Kᵀ) V for every row's heads.</summary>
    /// <param name="queries">[rows, heads of a row · D], before rotary embedding.</param>
    /// <param name="keysAndValues">[B, 2·K·D], before rotary embedding.</param>
    /// <param name="gates">[rows, N], or null for gates of 1; null where a row has one expert's heads.</param>
    /// <param name="keys">[B, K, capacity, D], rotated.</param>
    /// <param name="values">[B, K, capacity, D].</param>
    /// <param name="capacity">Positions of the keys and values.</param>
    /// <param name="position">The new token's.</param>
    /// <param name="output">[rows, heads of a row · D].</param>
    public void Forward(
        RowMatrix queries, RowMatrix keysAndValues, float* gates, float* keys, float* values, int capacity, int position,
        float* output) =>
        ParallelLoop.For(shape.BatchSize * shape.KeyValueHeads, item =>
        {
            var (sequence, keyValueHead) = Math.DivRem(item, shape.KeyValueHeads);
            var headKeys = keys + (long)item * capacity * headDim;      // [capacity, D]
            var headValues = values + (long)item * capacity * headDim;  // [capacity, D]
            var newKey = headKeys + (long)position * headDim;
            Copy(keysAndValues.At(sequence, (long)keyValueHead * headDim), newKey, 1);
            rotary.Rotate(newKey, position, 1);
            Copy(
                keysAndValues.At(sequence, (long)(shape.KeyValueHeads + keyValueHead) * headDim),
                headValues + (long)position * headDim, 1);

            var first = shape.FirstSeenFrom(position);
            var length = position + 1 - first;
            var padded = (length + Lanes - 1) / Lanes * Lanes;
            using var scratch = new Scratch(padded + headDim);
            var scores = scratch.Take(padded);
            var query = scratch.Take(headDim);
            for (var reader = 0; reader < experts * shape.HeadsPerKeyValueHead; reader++)
            {
                var (expert, place) = Math.DivRem(reader, shape.HeadsPerKeyValueHead);
                var head = (expert * shape.KeyValueHeads + keyValueHead) * shape.HeadsPerKeyValueHead + place;
                var (row, count) = queryRows.Of(sequence, head);
                if (count == 0) continue;  // the token did not choose its expert
                var column = (long)queryRows.Place(head) * headDim;
                Copy(queries.At(row, column), query, scale);
                rotary.Rotate(query, position, 1);
                Dots(query, headKeys + (long)first * headDim, scores, length);
                var sum = Exponentials(scores, length, padded);
                var gate = gates == null ? 1f : gates[(long)row * shape.Experts + head / shape.HeadsPerExpert];
                WeightedSum(
                    scores, headValues + (long)first * headDim, gate / sum, length,
                    output + (long)row * queryRows.Heads * headDim + column);
            }
        });

    // destination = factor · source
    private void Copy(float* source, float* destination, float factor)
    {
        for (var i = 0; i < headDim; i += Lanes) (Vector512.Load(source + i) * factor).Store(destination + i);
    }

    // scores[s] = query · keys[s]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Dots(float* query, float* keys, float* scores, int length)
    {
        for (var s = 0; s < length; s++, keys += headDim)
        {
            var sums = Vector512<float>.Zero;
            for (var i = 0; i < headDim; i += Lanes)
                sums = Vector512.FusedMultiplyAdd(Vector512.Load(query + i), Vector512.Load(keys + i), sums);
            scores[s] = Vector512.Sum(sums);
        }
    }

    // exp(x - max) in place, zeros in the padding; returns the sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* scores, int length, int padded)
    {
        new Span<float>(scores + length, padded - length).Fill(float.NegativeInfinity);
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < padded; i += Lanes) maxima = Vector512.Max(maxima, Vector512.Load(scores + i));
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++) max = Math.Max(max, maxima[lane]);

        var sums = Vector512<float>.Zero;
        for (var i = 0; i < padded; i += Lanes)
        {
            var e = VectorMath.Exp(Vector512.Load(scores + i) - Vector512.Create(max));
            e.Store(scores + i);
            sums += e;
        }

        return Vector512.Sum(sums);
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
}
