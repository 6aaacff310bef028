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
    private const int RowTile = SmallGemm.RowTile;

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
            using var scratch = new Scratch(3L * padded * headDim + RowTile * padded + Block * headDim);
            var keysTransposed = scratch.Take(headDim * padded);  // [D, P]
            var values = scratch.Take(padded * headDim);          // [P, D]
            var asking = scratch.Take(Block * headDim);           // [48, D]
            var scores = scratch.Take(RowTile * padded);          // [6, P]
            PackKeys(keysAndValues, sequence, keyValueHead, scratch.Take(padded * headDim), keysTransposed);
            PackValues(keysAndValues, sequence, keyValueHead, values);

            foreach (var head in readers[keyValueHead])
            {
                foreach (var block in BlocksOf(sequence, head))
                {
                    PackQueries(queries, head, block, asking);
                    for (var tile = 0; tile < block.Count; tile += RowTile)
                    {
                        var (first, seen) = (block.First + tile, SeenBy(block, tile));
                        var (start, columns) = (block.FirstColumn, RoundUp(seen, Lanes));
                        var heads = asking + tile * headDim;
                        SmallGemm.Multiply(
                            heads, headDim, 1, keysTransposed + start, padded, scores, padded, RowTile, columns, headDim, false);
                        for (var i = 0; i < Math.Min(RowTile, block.Count - tile); i++)
                        {
                            var (row, position) = (first + i, queryRows.Position(first + i));
                            var (sum, logSum) = AttentionRows.Softmax(
                                scores + i * padded, shape.FirstSeenFrom(position) - start, position + 1 - start, columns);
                            logSumExp[IndexOf(row, head)] = logSum;
                            AttentionRows.Scale(scores + i * padded, Gate(gates, row, head) / sum, scores + i * padded, columns);
                        }

                        SmallGemm.Multiply(
                            scores, padded, 1, values + start * headDim, headDim, heads, headDim, RowTile, headDim, seen, false);
                    }

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
                    PackQueries(queries, head, block, asking);
                    PackGradients(gradOutput, head, block, gradHeads);
                    for (var tile = 0; tile < block.Count; tile += RowTile)
                    {
                        var columns = RoundUp(SeenBy(block, tile), Lanes);
                        float* rowWeights = weights + tile * padded, rowGradients = gradScores + tile * padded;
                        SmallGemm.Multiply(
                            asking + tile * headDim, headDim, 1, keysTransposed + block.FirstColumn, padded, rowWeights, padded,
                            RowTile, columns, headDim, false);
                        SmallGemm.Multiply(
                            gradHeads + tile * headDim, headDim, 1, valuesTransposed + block.FirstColumn, padded, rowGradients,
                            padded, RowTile, columns, headDim, false);
                        for (var i = tile; i < Math.Min(tile + RowTile, block.Count); i++)
                        {
                            var gate = Gate(gates, block.First + i, head);
                            var gradGate = SoftmaxBackward(
                                weights + i * padded, gradScores + i * padded, block, i, columns,
                                logSumExp[IndexOf(block.First + i, head)], gate);
                            if (gradGates != null) gradGates[IndexOf(block.First + i, head)] = gradGate;
                            if (gate != 1) AttentionRows.Scale(gradHeads + i * headDim, gate, gradHeads + i * headDim, headDim);
                        }
                    }

                    // dV += Pᵀ dO and dK += dSᵀ Q: the sums run over the block's rows. Q already carries the scale.
                    var offset = block.FirstColumn * headDim;
                    AddTransposed(block, weights, gradHeads, gradValues + offset);
                    AddTransposed(block, gradScores, asking, gradKeys + offset);
                    for (var tile = 0; tile < block.Count; tile += RowTile)
                    {
                        SmallGemm.Multiply(
                            gradScores + tile * padded, padded, 1, keys + offset, headDim, asking + tile * headDim, headDim,
                            RowTile, headDim, SeenBy(block, tile), false);
                    }

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
            var firstColumn = shape.FirstSeenFrom(queryRows.Position(first + done)) / Block * Block;
            yield return new(first + done, Math.Min(Block, count - done), firstColumn);
        }
    }

    // The columns that the rows of a tile see: those of its last row, whose position is the highest.
    private int SeenBy(QueryBlock block, int tile) =>
        queryRows.Position(block.First + Math.Min(tile + RowTile, block.Count) - 1) + 1 - block.FirstColumn;

    private float SoftmaxBackward(
        float* weights, float* gradScores, QueryBlock block, int i, int columns, float logSumExp, float gate)
    {
        var position = queryRows.Position(block.First + i);
        var gradGate = AttentionRows.SoftmaxBackward(
            weights, gradScores, shape.FirstSeenFrom(position) - block.FirstColumn, position + 1 - block.FirstColumn, columns,
            logSumExp, gate);
        // A tile of columns, which is transposed whole, can end after these.
        var beyond = Math.Min(columns + RowTile, padded - block.FirstColumn) - columns;
        new Span<float>(weights + columns, beyond).Clear();
        new Span<float>(gradScores + columns, beyond).Clear();
        return gradGate;
    }

    // C += Aᵀ·B, A [rows, columns] of a block: for each tile of columns, over the rows that see it.
    private void AddTransposed(QueryBlock block, float* a, float* b, float* c)
    {
        var row = 0;
        for (var column = 0; column < SeenBy(block, block.Count - 1); column += RowTile)
        {
            while (queryRows.Position(block.First + row) - block.FirstColumn < column) row++;
            SmallGemm.Multiply(
                a + row * padded + column, 1, padded, b + row * headDim, headDim, c + column * headDim, headDim, RowTile, headDim,
                block.Count - row, true);
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

    // Rows of one head in one sequence, and the first position of those that they see, a multiple of 48.
    private readonly record struct QueryBlock(int First, int Count, int FirstColumn);
}
