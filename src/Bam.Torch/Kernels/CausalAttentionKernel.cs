namespace Bam.Torch.Kernels;

/// <summary>
/// Causal attention with rotary embedding and gated heads, fused: reads the projections where they lie, computes only the blocks
/// of scores on and below the diagonal and inside the window, keeps them in the cache, and saves one number per row for the
/// backward pass (as FlashAttention does, Dao et al. 2022; here a whole row of scores fits the cache, so no running softmax is
/// needed).
/// </summary>
/// <remarks>
/// Sizes: B sequences, T positions, D head_dim; P is T padded to a multiple of 48, which tiles evenly both as rows and as
/// columns. One work item is one key-value head of one sequence with all the query heads that read it, so that sums over those
/// heads have a fixed order whatever the number of threads. It goes through a head's queries in blocks of 48 rows.
/// </remarks>
internal sealed unsafe class CausalAttentionKernel(AttentionShape shape, QueryRows queryRows, RotaryTables rotary)
{
    private const int Block = 48;
    private const int Lanes = SmallGemm.Lanes;

    private readonly int headDim = shape.HeadDim;
    private readonly int length = shape.Length;
    private readonly int padded = RoundUp(shape.Length, Block);
    private readonly float scale = (float)shape.Scale;
    private readonly int[][] readers = ReadersOfKeyValueHeads(shape);

    /// <summary>Whether this processor and these sizes can use the kernel.</summary>
    public static bool Supports(AttentionShape shape) =>
        SmallGemm.IsSupported && shape.HeadDim % Lanes == 0 && shape.SoftCap == 0;

    /// <summary>out = gate · softmax(scale · Q Kᵀ) V for every head of every row.</summary>
    /// <param name="queries">[rows, heads of a row · D], before rotary embedding.</param>
    /// <param name="keysAndValues">[B·T, 2·K·D], K being key-value heads, before rotary embedding.</param>
    /// <param name="gates">[rows, N], or null for gates of 1; null where a row has one expert's heads.</param>
    /// <param name="output">[rows, heads of a row · D].</param>
    /// <param name="logSumExp">[rows, heads of a row], saved for <see cref="Backward"/>.</param>
    public void Forward(RowMatrix queries, RowMatrix keysAndValues, float* gates, float* output, float* logSumExp) =>
        ParallelLoop.For(shape.BatchSize * shape.KeyValueHeads, item =>
        {
            var (sequence, keyValueHead) = Math.DivRem(item, shape.KeyValueHeads);
            using var scratch = new Scratch(3L * padded * headDim + Block * (padded + headDim));
            var keysTransposed = scratch.Take(headDim * padded);  // [D, P]
            var values = scratch.Take(padded * headDim);          // [P, D]
            var asking = scratch.Take(Block * headDim);           // [48, D]
            var scores = scratch.Take(Block * padded);            // [48, P]
            PackKeys(keysAndValues, sequence, keyValueHead, scratch.Take(padded * headDim), keysTransposed);
            PackValues(keysAndValues, sequence, keyValueHead, values);

            foreach (var head in readers[keyValueHead])
            {
                foreach (var block in BlocksOf(sequence, head))
                {
                    var (start, columns) = (block.FirstColumn, block.Columns);
                    PackQueries(queries, head, block, asking);
                    SmallGemm.Multiply(
                        asking, headDim, 1, keysTransposed + start, padded, scores, padded, block.PaddedCount, columns, headDim,
                        false);
                    for (var i = 0; i < block.Count; i++)
                    {
                        var (row, position) = (block.First + i, queryRows.Position(block.First + i));
                        var (sum, logSum) = AttentionRows.Softmax(
                            scores + i * padded, shape.FirstSeenFrom(position) - start, position + 1 - start, columns);
                        logSumExp[IndexOf(row, head)] = logSum;
                        AttentionRows.Scale(scores + i * padded, Gate(gates, row, head) / sum, scores + i * padded, columns);
                    }

                    SmallGemm.Multiply(
                        scores, padded, 1, values + start * headDim, headDim, asking, headDim, block.PaddedCount, headDim,
                        columns, false);
                    for (var i = 0; i < block.Count; i++)
                        AttentionRows.Copy(asking + i * headDim, output + IndexOf(block.First + i, head) * headDim, headDim);
                }
            }
        });

    /// <summary>The gradients of <see cref="Forward"/>; the scores are computed again from the projections.</summary>
    /// <param name="queries">As in <see cref="Forward"/>.</param>
    /// <param name="keysAndValues">Likewise.</param>
    /// <param name="gates">Likewise, or null.</param>
    /// <param name="logSumExp">From <see cref="Forward"/>.</param>
    /// <param name="gradOutput">[rows, heads of a row · D].</param>
    /// <param name="gradQueries">As <paramref name="queries"/>, overwritten.</param>
    /// <param name="gradKeysAndValues">As <paramref name="keysAndValues"/>, overwritten.</param>
    /// <param name="gradGates">[rows, heads of a row], the gates' gradients by head, overwritten; null without gates.</param>
    public void Backward(
        RowMatrix queries, RowMatrix keysAndValues, float* gates, float* logSumExp, float* gradOutput, RowMatrix gradQueries,
        RowMatrix gradKeysAndValues, float* gradGates) =>
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
            var asking = scratch.Take(Block * headDim);             // [48, D]
            var gradHeads = scratch.Take(Block * headDim);          // [48, D]
            var weights = scratch.Take(Block * padded);             // [48, P], softmax of the scores
            var gradScores = scratch.Take(Block * padded);          // [48, P]
            PackKeys(keysAndValues, sequence, keyValueHead, keys, keysTransposed);
            PackValues(keysAndValues, sequence, keyValueHead, values);
            BlockTranspose.Apply(values, valuesTransposed, padded, headDim);
            new Span<float>(gradKeys, padded * headDim).Clear();
            new Span<float>(gradValues, padded * headDim).Clear();

            foreach (var head in readers[keyValueHead])
            {
                foreach (var block in BlocksOf(sequence, head))
                {
                    var (rows, start, columns) = (block.PaddedCount, block.FirstColumn, block.Columns);
                    PackQueries(queries, head, block, asking);
                    PackGradients(gradOutput, head, block, gradHeads);
                    SmallGemm.Multiply(
                        asking, headDim, 1, keysTransposed + start, padded, weights, padded, rows, columns, headDim, false);
                    SmallGemm.Multiply(
                        gradHeads, headDim, 1, valuesTransposed + start, padded, gradScores, padded, rows, columns, headDim,
                        false);
                    for (var i = 0; i < block.Count; i++)
                    {
                        var (row, position) = (block.First + i, queryRows.Position(block.First + i));
                        var gate = Gate(gates, row, head);
                        var gradGate = AttentionRows.SoftmaxBackward(
                            weights + i * padded, gradScores + i * padded, shape.FirstSeenFrom(position) - start,
                            position + 1 - start, columns, logSumExp[IndexOf(row, head)], gate);
                        if (gradGates != null) gradGates[IndexOf(row, head)] = gradGate;
                        if (gate != 1) AttentionRows.Scale(gradHeads + i * headDim, gate, gradHeads + i * headDim, headDim);
                    }

                    for (var i = block.Count; i < rows; i++)
                    {
                        new Span<float>(weights + i * padded, columns).Clear();
                        new Span<float>(gradScores + i * padded, columns).Clear();
                    }

                    // dV += Pᵀ dO and dK += dSᵀ Q: the sums run over the block's rows. Q already carries the scale.
                    var offset = start * headDim;
                    SmallGemm.Multiply(
                        weights, 1, padded, gradHeads, headDim, gradValues + offset, headDim, columns, headDim, rows, true);
                    SmallGemm.Multiply(
                        gradScores, 1, padded, asking, headDim, gradKeys + offset, headDim, columns, headDim, rows, true);
                    SmallGemm.Multiply(
                        gradScores, padded, 1, keys + offset, headDim, asking, headDim, rows, headDim, columns, false);
                    for (var i = 0; i < block.Count; i++)
                    {
                        AttentionRows.Scale(asking + i * headDim, scale, asking + i * headDim, headDim);
                        rotary.Rotate(asking + i * headDim, queryRows.Position(block.First + i), -1);
                        AttentionRows.Copy(asking + i * headDim, Query(gradQueries, block.First + i, head), headDim);
                    }
                }
            }

            for (var position = 0; position < length; position++)
            {
                rotary.Rotate(gradKeys + position * headDim, position, -1);
                float* gradKey = gradKeys + position * headDim, gradValue = gradValues + position * headDim;
                AttentionRows.Copy(gradKey, Key(gradKeysAndValues, sequence, position, keyValueHead), headDim);
                AttentionRows.Copy(gradValue, Value(gradKeysAndValues, sequence, position, keyValueHead), headDim);
            }
        });

    private IEnumerable<QueryBlock> BlocksOf(int sequence, int head)
    {
        var (first, count) = queryRows.Of(sequence, head);
        for (var done = 0; done < count; done += Block)
        {
            var (row, rows) = (first + done, Math.Min(Block, count - done));
            var firstColumn = shape.FirstSeenFrom(queryRows.Position(row)) / Block * Block;
            var columns = RoundUp(queryRows.Position(row + rows - 1) + 1, Block) - firstColumn;
            yield return new(row, rows, RoundUp(rows, SmallGemm.RowTile), firstColumn, columns);
        }
    }

    private static int RoundUp(int count, int step) => (count + step - 1) / step * step;

    // Where a row's head stands in [rows, heads of a row].
    private long IndexOf(int row, int head) => (long)row * queryRows.Heads + queryRows.Place(head);

    private float* Query(RowMatrix queries, int row, int head) => queries.At(row, (long)queryRows.Place(head) * headDim);

    private float* Key(RowMatrix keysAndValues, int sequence, int position, int head) =>
        keysAndValues.At((long)sequence * length + position, (long)head * headDim);

    private float* Value(RowMatrix keysAndValues, int sequence, int position, int head) =>
        Key(keysAndValues, sequence, position, shape.KeyValueHeads + head);

    private float Gate(float* gates, int row, int head) =>
        gates == null ? 1f : gates[(long)row * shape.Experts + head / shape.HeadsPerExpert];

    private void PackQueries(RowMatrix queries, int head, QueryBlock block, float* asking)
    {
        for (var i = 0; i < block.Count; i++)
        {
            var query = asking + i * headDim;
            AttentionRows.Copy(Query(queries, block.First + i, head), query, headDim);
            rotary.Rotate(query, queryRows.Position(block.First + i), 1);
            AttentionRows.Scale(query, scale, query, headDim);
        }

        ClearRows(asking, block.Count, Block);
    }

    private void PackGradients(float* gradOutput, int head, QueryBlock block, float* gradHeads)
    {
        for (var i = 0; i < block.Count; i++)
            AttentionRows.Copy(gradOutput + IndexOf(block.First + i, head) * headDim, gradHeads + i * headDim, headDim);
        ClearRows(gradHeads, block.Count, Block);
    }

    private void PackKeys(RowMatrix keysAndValues, int sequence, int head, float* keys, float* keysTransposed)
    {
        PackRows(Key(keysAndValues, sequence, 0, head), keysAndValues.Pitch, keys);
        for (var position = 0; position < length; position++) rotary.Rotate(keys + position * headDim, position, 1);
        BlockTranspose.Apply(keys, keysTransposed, padded, headDim);
    }

    private void PackValues(RowMatrix keysAndValues, int sequence, int head, float* values) =>
        PackRows(Value(keysAndValues, sequence, 0, head), keysAndValues.Pitch, values);

    private void PackRows(float* source, long pitch, float* rows)
    {
        for (var row = 0; row < length; row++) AttentionRows.Copy(source + row * pitch, rows + row * headDim, headDim);
        ClearRows(rows, length, padded);
    }

    private void ClearRows(float* rows, int from, int to) =>
        new Span<float>(rows + from * headDim, (to - from) * headDim).Clear();

    private static int[][] ReadersOfKeyValueHeads(AttentionShape shape) =>
        [.. Enumerable.Range(0, shape.KeyValueHeads)
            .Select(head => Enumerable.Range(0, shape.QueryHeads).Where(query => shape.KeyValueHeadOf(query) == head).ToArray())];

    // Rows of one head in one sequence, those padded to whole tiles, and the positions that they see in whole blocks.
    private readonly record struct QueryBlock(int First, int Count, int PaddedCount, int FirstColumn, int Columns);
}
