using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Causal attention with rotary embedding and gated heads, fused: reads the projections where they lie, computes only the blocks
/// of scores on and below the diagonal, keeps them in the cache, and saves one number per row for the backward pass
/// (as FlashAttention does, Dao et al. 2022; here a whole row of scores fits the cache, so no running softmax is needed).
/// </summary>
/// <remarks>
/// Sizes: B sequences, T positions, D head_dim; P is T padded to a multiple of 48, which tiles evenly both as rows and as columns.
/// One work item is one key-value head of one sequence with all the query heads that read it, so that sums over those
/// heads have a fixed order whatever the number of threads.
/// </remarks>
internal sealed unsafe class CausalAttentionKernel(AttentionShape shape, RotaryTables rotary)
{
    private const int Block = 48;
    private const int Lanes = SmallGemm.Lanes;

    private readonly int headDim = shape.HeadDim;
    private readonly int length = shape.Length;
    private readonly int padded = (shape.Length + Block - 1) / Block * Block;
    private readonly float scale = (float)(1 / Math.Sqrt(shape.HeadDim));
    private readonly int[][] readers = ReadersOfKeyValueHeads(shape);

    /// <summary>Whether this processor and these sizes can use the kernel.</summary>
    public static bool Supports(AttentionShape shape) => SmallGemm.IsSupported && shape.HeadDim % Lanes == 0;

    /// <summary>out = gate · softmax(scale · Q Kᵀ) V for every head.</summary>
    /// <param name="qkv">[B, T, Width], before rotary embedding.</param>
    /// <param name="gates">[B, T, N], or null for gates of 1.</param>
    /// <param name="output">[B, T, N·H·D].</param>
    /// <param name="logSumExp">[B, N·H, T], saved for <see cref="Backward"/>.</param>
    public void Forward(float* qkv, float* gates, float* output, float* logSumExp) =>
        ParallelLoop.For(shape.BatchSize * shape.KeyValueHeads, item =>
        {
            var (sequence, keyValueHead) = Math.DivRem(item, shape.KeyValueHeads);
            using var scratch = new Scratch(3L * padded * headDim + Block * (padded + headDim));
            var keysTransposed = scratch.Take(headDim * padded);  // [D, P]
            var values = scratch.Take(padded * headDim);          // [P, D]
            var queries = scratch.Take(Block * headDim);          // [48, D]
            var scores = scratch.Take(Block * padded);            // [48, P]
            PackKeys(qkv, sequence, keyValueHead, scratch.Take(padded * headDim), keysTransposed);
            PackRows(Value(qkv, sequence, 0, keyValueHead), 0, length, values);

            foreach (var head in readers[keyValueHead])
            {
                for (var start = 0; start < length; start += Block)
                {
                    var (count, rows, columns) = BlockSizes(start);
                    PackQueries(qkv, sequence, head, start, count, queries);
                    SmallGemm.Multiply(queries, headDim, 1, keysTransposed, padded, scores, padded, rows, columns, headDim, false);
                    for (var row = 0; row < count; row++)
                    {
                        var (sum, logSum) = Softmax(scores + row * padded, shape.FirstSeenFrom(start + row), start + row + 1, columns);
                        logSumExp[((long)sequence * shape.QueryHeads + head) * length + start + row] = logSum;
                        var gate = gates == null ? 1f : Gate(gates, sequence, start + row, head);
                        Scale(scores + row * padded, gate / sum, columns);
                    }

                    SmallGemm.Multiply(scores, padded, 1, values, headDim, queries, headDim, rows, headDim, columns, false);
                    for (var row = 0; row < count; row++)
                        Copy(queries + row * headDim, Output(output, sequence, start + row, head), headDim);
                }
            }
        });

    /// <summary>The gradients of <see cref="Forward"/>; the scores are computed again from the projections.</summary>
    /// <param name="qkv">[B, T, Width], as in <see cref="Forward"/>.</param>
    /// <param name="gates">[B, T, N], or null.</param>
    /// <param name="logSumExp">[B, N·H, T], from <see cref="Forward"/>.</param>
    /// <param name="gradOutput">[B, T, N·H·D].</param>
    /// <param name="gradQkv">[B, T, Width], overwritten.</param>
    /// <param name="gradGates">[B, T, N·H], the gates' gradients head by head, overwritten; null when <paramref name="gates"/> is.</param>
    public void Backward(float* qkv, float* gates, float* logSumExp, float* gradOutput, float* gradQkv, float* gradGates) =>
        ParallelLoop.For(shape.BatchSize * shape.KeyValueHeads, item =>
        {
            var (sequence, keyValueHead) = Math.DivRem(item, shape.KeyValueHeads);
            using var scratch = new Scratch(6L * padded * headDim + Block * (2 * padded + 2 * headDim));
            var keys = scratch.Take(padded * headDim);              // [P, D]
            var keysTransposed = scratch.Take(headDim * padded);    // [D, P]
            var values = scratch.Take(padded * headDim);            // [P, D]
            var valuesTransposed = scratch.Take(headDim * padded);  // [D, P]
            var gradKeys = scratch.Take(padded * headDim);          // [P, D]
            var gradValues = scratch.Take(padded * headDim);        // [P, D]
            var queries = scratch.Take(Block * headDim);            // [48, D]
            var gradHeads = scratch.Take(Block * headDim);          // [48, D]
            var weights = scratch.Take(Block * padded);             // [48, P], softmax of the scores
            var gradScores = scratch.Take(Block * padded);          // [48, P]
            PackKeys(qkv, sequence, keyValueHead, keys, keysTransposed);
            PackRows(Value(qkv, sequence, 0, keyValueHead), 0, length, values);
            BlockTranspose.Apply(values, valuesTransposed, padded, headDim);
            new Span<float>(gradKeys, padded * headDim).Clear();
            new Span<float>(gradValues, padded * headDim).Clear();

            foreach (var head in readers[keyValueHead])
            {
                for (var start = 0; start < length; start += Block)
                {
                    var (count, rows, columns) = BlockSizes(start);
                    PackQueries(qkv, sequence, head, start, count, queries);
                    PackGradients(gradOutput, sequence, head, start, count, gradHeads);
                    SmallGemm.Multiply(queries, headDim, 1, keysTransposed, padded, weights, padded, rows, columns, headDim, false);
                    SmallGemm.Multiply(gradHeads, headDim, 1, valuesTransposed, padded, gradScores, padded, rows, columns, headDim, false);
                    for (var row = 0; row < rows; row++)
                    {
                        var (position, used) = (start + row, row < count ? start + row + 1 : 0);
                        var logSum = used == 0 ? 0 : logSumExp[((long)sequence * shape.QueryHeads + head) * length + position];
                        var gate = gates == null || used == 0 ? 1f : Gate(gates, sequence, position, head);
                        var first = used == 0 ? 0 : shape.FirstSeenFrom(position);
                        var gradGate = SoftmaxBackward(weights + row * padded, gradScores + row * padded, first, used, columns, logSum, gate);
                        if (gradGates != null && used != 0)
                            gradGates[((long)sequence * length + position) * shape.QueryHeads + head] = gradGate;
                        if (gate != 1) Scale(gradHeads + row * headDim, gate, headDim);
                    }

                    // dV += Pᵀ dO and dK += dSᵀ Q: the sums run over the block's rows. Q already carries the scale.
                    SmallGemm.Multiply(weights, 1, padded, gradHeads, headDim, gradValues, headDim, columns, headDim, rows, true);
                    SmallGemm.Multiply(gradScores, 1, padded, queries, headDim, gradKeys, headDim, columns, headDim, rows, true);
                    SmallGemm.Multiply(gradScores, padded, 1, keys, headDim, queries, headDim, rows, headDim, columns, false);
                    for (var row = 0; row < count; row++)
                    {
                        Scale(queries + row * headDim, scale, headDim);
                        rotary.Rotate(queries + row * headDim, start + row, -1);
                        Copy(queries + row * headDim, Query(gradQkv, sequence, start + row, head), headDim);
                    }
                }
            }

            for (var position = 0; position < length; position++)
            {
                rotary.Rotate(gradKeys + position * headDim, position, -1);
                Copy(gradKeys + position * headDim, Key(gradQkv, sequence, position, keyValueHead), headDim);
                Copy(gradValues + position * headDim, Value(gradQkv, sequence, position, keyValueHead), headDim);
            }
        });

    // The block's rows, those rows padded to whole tiles, and the columns up to its diagonal padded to whole blocks.
    private (int Count, int Rows, int Columns) BlockSizes(int start)
    {
        var count = Math.Min(Block, length - start);
        return (count, (count + SmallGemm.RowTile - 1) / SmallGemm.RowTile * SmallGemm.RowTile, start + Block);
    }

    private float* Query(float* qkv, int sequence, int position, int head) =>
        qkv + ((long)sequence * length + position) * shape.Width + head * headDim;

    private float* Key(float* qkv, int sequence, int position, int head) => Query(qkv, sequence, position, shape.QueryHeads + head);

    private float* Value(float* qkv, int sequence, int position, int head) =>
        Query(qkv, sequence, position, shape.QueryHeads + shape.KeyValueHeads + head);

    private float* Output(float* output, int sequence, int position, int head) =>
        output + (((long)sequence * length + position) * shape.QueryHeads + head) * headDim;

    private float Gate(float* gates, int sequence, int position, int head) =>
        gates[((long)sequence * length + position) * shape.Experts + head / shape.HeadsPerExpert];

    private void PackQueries(float* qkv, int sequence, int head, int start, int count, float* queries)
    {
        for (var row = 0; row < count; row++)
        {
            var query = queries + row * headDim;
            Copy(Query(qkv, sequence, start + row, head), query, headDim);
            rotary.Rotate(query, start + row, 1);
            Scale(query, scale, headDim);
        }

        ClearRows(queries, count, Block);
    }

    private void PackGradients(float* gradOutput, int sequence, int head, int start, int count, float* gradHeads)
    {
        for (var row = 0; row < count; row++)
            Copy(Output(gradOutput, sequence, start + row, head), gradHeads + row * headDim, headDim);
        ClearRows(gradHeads, count, Block);
    }

    private void PackKeys(float* qkv, int sequence, int head, float* keys, float* keysTransposed)
    {
        PackRows(Key(qkv, sequence, 0, head), 0, length, keys);
        for (var position = 0; position < length; position++) rotary.Rotate(keys + position * headDim, position, 1);
        BlockTranspose.Apply(keys, keysTransposed, padded, headDim);
    }

    private void PackRows(float* source, int start, int count, float* rows)
    {
        for (var row = 0; row < count; row++)
            Copy(source + (long)(start + row) * shape.Width, rows + row * headDim, headDim);
        ClearRows(rows, count, padded);
    }

    private void ClearRows(float* rows, int from, int to) => new Span<float>(rows + from * headDim, (to - from) * headDim).Clear();

    // exp(x - max) in place over the columns from `first` to `used`, zeros outside.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Sum, float LogSumExp) Softmax(float* row, int first, int used, int columns)
    {
        MaskOutside(row, first, used, columns);
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < columns; i += Lanes) maxima = Vector512.Max(maxima, Vector512.Load(row + i));
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++) max = Math.Max(max, maxima[lane]);

        var sums = Vector512<float>.Zero;
        for (var i = 0; i < columns; i += Lanes)
        {
            var e = VectorMath.Exp(Vector512.Load(row + i) - Vector512.Create(max));
            e.Store(row + i);
            sums += e;
        }

        var sum = Vector512.Sum(sums);
        return (sum, max + MathF.Log(sum));
    }

    // P = exp(S - logSumExp); dS = gate · P ∘ (dP - D) with D = Σ P ∘ dP, which is also the gate's gradient.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SoftmaxBackward(
        float* weights, float* gradScores, int first, int used, int columns, float logSumExp, float gate)
    {
        MaskOutside(weights, first, used, columns);
        var products = Vector512<float>.Zero;
        for (var i = 0; i < columns; i += Lanes)
        {
            var p = VectorMath.Exp(Vector512.Load(weights + i) - Vector512.Create(logSumExp));
            p.Store(weights + i);
            products += p * Vector512.Load(gradScores + i);
        }

        var gradGate = Vector512.Sum(products);
        var mean = Vector512.Create(gradGate);
        var gates = Vector512.Create(gate);
        for (var i = 0; i < columns; i += Lanes)
            (gates * Vector512.Load(weights + i) * (Vector512.Load(gradScores + i) - mean)).Store(gradScores + i);
        return gradGate;
    }

    private static void MaskOutside(float* row, int first, int used, int columns)
    {
        new Span<float>(row, first).Fill(float.NegativeInfinity);
        new Span<float>(row + used, columns - used).Fill(float.NegativeInfinity);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* row, float factor, int columns)
    {
        var factors = Vector512.Create(factor);
        for (var i = 0; i < columns; i += Lanes) (Vector512.Load(row + i) * factors).Store(row + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* source, float* destination, int columns)
    {
        for (var i = 0; i < columns; i += Lanes) Vector512.Load(source + i).Store(destination + i);
    }

    private static int[][] ReadersOfKeyValueHeads(AttentionShape shape) =>
        [.. Enumerable.Range(0, shape.KeyValueHeads)
            .Select(head => Enumerable.Range(0, shape.QueryHeads).Where(query => shape.KeyValueHeadOf(query) == head).ToArray())];
}
