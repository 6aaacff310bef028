using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>Attention in libtorch's own operators: for every device and dtype, and the kernels' reference.</summary>
internal static class AttentionByOperators
{
    /// <summary>As <see cref="Attention.Apply"/> without past tokens.</summary>
    public static Tensor Apply(AttentionInput input, RotaryTables rotary)
    {
        using var scope = TensorScope.Open();
        if (input.KeysAndValues is null) return scope.Keep(OfAll(input, rotary));
        var (keys, values) = Heads(input, rotary, start: 0);
        return scope.Keep(OfChosen(input, rotary, keys, values));
    }

    /// <summary>As <see cref="Attention.Apply"/> with past tokens.</summary>
    public static Tensor Apply(AttentionInput input, RotaryTables rotary, PastTokens past)
    {
        using var scope = TensorScope.Open();
        Write(input, rotary, past);
        var seen = past.Count + input.Shape.Length;
        var (keys, values) = (past.Keys.Narrow(2, 0, seen), past.Values.Narrow(2, 0, seen));
        return scope.Keep(
            input.KeysAndValues is null
                ? OfAllNew(input, rotary, keys, values, past.Count)
                : OfChosen(input, rotary, keys, values));
    }

    /// <summary>As <see cref="Attention.Apply"/> for tokens of several sequences, one sequence after the other.</summary>
    public static Tensor ApplyToRuns(AttentionInput input, RotaryTables rotary, PastTokens past)
    {
        using var scope = TensorScope.Open();
        var (outputs, order) = (new List<Tensor>(), new List<long>());
        foreach (var (first, count) in past.Places!.Runs())
        {
            var (slot, position) = (past.Places.Slots[first], past.Places.Positions[first]);
            var own = new PastTokens(past.Keys.Narrow(0, slot, 1), past.Values.Narrow(0, slot, 1), position);
            var shape = input.Shape with { BatchSize = 1, Length = count };
            if (input.KeysAndValues is null)
            {
                var run = AttentionInput.OfAll(
                    RunOf(input.Queries), input.Gates is { } gates ? RunOf(gates) : null, shape);
                outputs.Add(Apply(run, rotary, own).View(count, 1, -1));
            }
            else
            {
                var (rows, experts) = RowsOf(input, first, count);
                var run = AttentionInput.OfChosen(
                    input.Queries.IndexSelect(0, Tensor.From<long>(rows, [rows.Length], input.Queries.Device)),
                    RunOf(input.KeysAndValues), QueryRows.Chosen(shape, experts, position), shape);
                outputs.Add(Apply(run, rotary, own));
                order.AddRange(rows);
            }

            Tensor RunOf(Tensor tokens) => tokens.Narrow(0, first, count).Reshape(1, count, -1);  // [n, 1, …] to [1, count, …]
        }

        var all = Tensor.Cat([.. outputs]);
        return scope.Keep(
            order.Count == 0 ? all : all.IndexSelect(0, Tensor.From<long>([.. order], [order.Count], all.Device).ArgSort()));
    }

    // The rows of neighbouring tokens, by expert, and the experts of each token, ascending.
    private static (long[] Rows, long[] Experts) RowsOf(AttentionInput input, int first, int count)
    {
        var (shape, rows, experts) = (input.Shape, new List<long>(), new List<(int Token, int Expert)>());
        for (var expert = 0; expert < shape.Experts; expert++)
        {
            for (var token = first; token < first + count; token++)
            {
                var (row, chosen) = input.Rows.Of(token, expert * shape.HeadsPerExpert);
                if (chosen == 0) continue;
                rows.Add(row);
                experts.Add((token, expert));
            }
        }

        return ([.. rows], [.. experts.OrderBy(choice => choice.Token).Select(choice => (long)choice.Expert)]);
    }

    /// <summary>Writes the new tokens' keys and values behind the past ones.</summary>
    public static void Write(AttentionInput input, RotaryTables rotary, PastTokens past)
    {
        using var scope = TensorScope.Open();
        var (keys, values) = Heads(input, rotary, past.Count);
        past.Keys.Narrow(2, past.Count, input.Shape.Length).Copy_(keys);
        past.Values.Narrow(2, past.Count, input.Shape.Length).Copy_(values);
    }

    private static Tensor OfAll(AttentionInput input, RotaryTables rotary)
    {
        var shape = input.Shape;
        var (queryHeads, keyValueHeads) = (shape.QueryHeads, shape.KeyValueHeads);
        // Split, not narrowed: the gradients of the three are then joined at once.
        var parts = SplitHeads(input.Queries, shape).Split([queryHeads, keyValueHeads, keyValueHeads], 1);
        var queries = RotaryFunction.Apply(parts[0], rotary);
        var keys = OfQueryHeads(RotaryFunction.Apply(parts[1], rotary), shape);
        var values = OfQueryHeads(parts[2], shape);

        var attended = Attend(queries, keys, values, shape).Transpose(1, 2);  // [B, T, N·H, D]
        if (input.Gates is { } gates)
        {
            attended = attended.Reshape(shape.BatchSize, shape.Length, shape.Experts, -1)
                * gates.To(attended.ScalarType).Unsqueeze(3);
        }

        return attended.Reshape(shape.BatchSize, shape.Length, -1);
    }

    // [B, N·H, T, D] each.
    private static Tensor Attend(Tensor queries, Tensor keys, Tensor values, AttentionShape shape)
    {
        var length = queries.Size(2);
        if (shape.Window >= length && shape.SoftCap == 0 && Tensor.HasScaledDotProductAttention)
            return ScaledForOperator(queries, shape).ScaledDotProductAttention(keys, values, isCausal: true);

        var scores = Capped(queries.MatMul(keys.Transpose(2, 3)) * shape.Scale, shape);  // [B, N·H, T, T]
        var hidden = Hidden(Tensor.Arange(length, ScalarType.Int64, queries.Device).Unsqueeze(0), length, shape.Window)
            .View(length, length);
        return scores.MaskedFill(hidden, double.NegativeInfinity).Softmax(-1).MatMul(values);
    }

    // libtorch's operator multiplies the scores by 1/√D itself.
    private static Tensor ScaledForOperator(Tensor queries, AttentionShape shape)
    {
        var ofOperator = 1 / Math.Sqrt(shape.HeadDim);
        return shape.Scale == ofOperator ? queries : queries * (shape.Scale / ofOperator);
    }

    // c · tanh(score / c)
    private static Tensor Capped(Tensor scores, AttentionShape shape) =>
        shape.SoftCap == 0 ? scores : (scores * (1 / shape.SoftCap)).Tanh() * shape.SoftCap;

    // One key-value head for each query head: repeated within an expert's groups, then over the experts if they share it.
    private static Tensor OfQueryHeads(Tensor heads, AttentionShape shape)
    {
        var (batch, count, length, width) = (heads.Size(0), heads.Size(1), heads.Size(2), heads.Size(3));
        var repeats = shape.QueryHeads / (count * shape.HeadsPerKeyValueHead);  // N when shared, else 1
        return heads.Unsqueeze(1).Unsqueeze(3)  // [B, 1, G, 1, T, D]
            .Expand(batch, repeats, count, shape.HeadsPerKeyValueHead, length, width)
            .Reshape(batch, shape.QueryHeads, length, width);
    }

    // The new tokens' queries against all S tokens' keys and values, [B, K, S, D]. Query head (e·K + k)·R + r reads key-value
    // head k.
    private static Tensor OfAllNew(AttentionInput input, RotaryTables rotary, Tensor keys, Tensor values, int start)
    {
        var shape = input.Shape;
        var (batch, length) = (shape.BatchSize, shape.Length);
        var (keyValueHeads, repeats) = (shape.KeyValueHeads, shape.HeadsPerKeyValueHead);
        var experts = shape.QueryHeads / (keyValueHeads * repeats);
        var queries = RotaryFunction.Apply(SplitHeads(input.Queries, shape).Narrow(1, 0, shape.QueryHeads), rotary, start)
            .Reshape(batch, experts, keyValueHeads, repeats, length, -1)
            .Transpose(1, 2).Reshape(batch, keyValueHeads, experts * repeats, length, -1);  // [B, K, E·R, T, D]
        var positions = Tensor.Arange(start, start + length, ScalarType.Int64, input.Queries.Device).Unsqueeze(0);
        var hidden = length == 1 && shape.FirstSeenFrom(start) == 0 ? null : Hidden(positions, start + length, shape.Window);
        var attended = AttendInGroups(queries, keys, values, hidden, shape)
            .View(batch, keyValueHeads, experts, repeats, length, -1)
            .Permute(0, 4, 2, 1, 3, 5)                                                      // [B, T, E, K, R, D]
            .Reshape(batch, length, shape.Experts, -1);                                     // [B, T, N, H·D]
        if (input.Gates is { } gates) attended *= gates.To(attended.ScalarType).Unsqueeze(3);
        return attended.Reshape(batch, length, -1);
    }

    // One expert after the other. Its rows of each sequence are gathered to [B, C], where C is the largest number of any
    // sequence; shorter lists are filled up with the expert's first row, and the results of the filling are dropped.
    private static Tensor OfChosen(AttentionInput input, RotaryTables rotary, Tensor keys, Tensor values)
    {
        var (shape, rows) = (input.Shape, input.Rows);
        var (heads, groups) = (shape.HeadsPerExpert, shape.KeyValueHeadsPerExpert);
        var (batch, headDim) = (shape.BatchSize, shape.HeadDim);
        var (cosines, sines) = rotary.Angles(keys.Size(2));
        var ofExperts = new List<Tensor>();
        for (var expert = 0; expert < shape.Experts; expert++)
        {
            var (slots, positions, places) = Padded(rows, expert, shape, input.Queries.Device);
            if (places.Count == 0) continue;
            var count = positions.Size(1);
            var asking = input.Queries.IndexSelect(0, slots).View(batch, count, heads, headDim).Transpose(1, 2);  // [B, H, C, D]
            var turned = RotaryFunction.Apply(asking, AnglesOf(cosines), AnglesOf(sines), rotary.Interleaved);
            var first = shape.KeyValueHeadOf(expert * heads);
            var attended = AttendInGroups(  // [B, G, H/G, C, D]
                turned.View(batch, groups, -1, count, headDim), keys.Narrow(1, first, groups), values.Narrow(1, first, groups),
                Hidden(positions, keys.Size(2), shape.Window), shape);
            var slotted = attended.View(batch, heads, count, headDim).Transpose(1, 2).Reshape(batch * count, -1);
            ofExperts.Add(slotted.IndexSelect(0, places));

            Tensor AnglesOf(Tensor table) => table.IndexSelect(0, positions.View(-1)).View(batch, 1, count, -1);
        }

        return ofExperts.Count == 0 ? input.Queries : Tensor.Cat([.. ofExperts]);  // no rows: [0, H·D]
    }

    // [B·C] the row in each slot, [B, C] its position, and [rows of the expert] the slot of each row.
    private static (Tensor Slots, Tensor Positions, Tensor Places) Padded(
        QueryRows rows, int expert, AttentionShape shape, Device device)
    {
        var parts = Enumerable.Range(0, shape.BatchSize)
            .Select(sequence => rows.Of(sequence, expert * shape.HeadsPerExpert)).ToArray();
        var widest = parts.Max(part => part.Count);
        var (slots, positions, places) = (new long[parts.Length * widest], new long[parts.Length * widest], new List<long>());
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var (sequence, i) = Math.DivRem(slot, widest);
            var isUsed = i < parts[sequence].Count;
            var row = isUsed ? parts[sequence].First + i : parts[0].First;
            (slots[slot], positions[slot]) = (row, rows.Position(row));
            if (isUsed) places.Add(slot);
        }

        return (
            Tensor.From<long>(slots, [slots.Length], device),
            Tensor.From<long>(positions, [parts.Length, widest], device),
            Tensor.From<long>([.. places], [places.Count], device));
    }

    // softmax(scale · Q Kᵀ) V of several query heads with the key-value head that they share, which is not repeated. queries:
    // [B, K, R, C, D]; keys and values: [B, K, S, D]; hidden: broadcast to [B, K, R, C, S], null where each query sees all.
    private static Tensor AttendInGroups(
        Tensor queries, Tensor keys, Tensor values, Tensor? hidden, AttentionShape shape)
    {
        using var scope = TensorScope.Open();
        var (batch, groups, heads, count) = (queries.Size(0), queries.Size(1), queries.Size(2), queries.Size(3));
        var headDim = queries.Size(4);
        var asking = queries.Reshape(batch, groups, heads * count, headDim);
        var scores = Capped(asking.MatMul(keys.Transpose(2, 3)) * shape.Scale, shape);  // [B, K, R·C, S]
        if (hidden is not null)
        {
            scores = scores.View(batch, groups, heads, count, -1).MaskedFill(hidden, double.NegativeInfinity)
                .View(batch, groups, heads * count, -1);
        }

        return scope.Keep(scores.Softmax(-1).MatMul(values).View(batch, groups, heads, count, headDim));
    }

    // Which keys a query does not see: those after its own position, and those before its window. positions: [B, C] or [1, C];
    // length: S. Returns [B, 1, 1, C, S] or [1, 1, 1, C, S], bool.
    private static Tensor Hidden(Tensor positions, long length, int window)
    {
        using var scope = TensorScope.Open();
        var keys = Tensor.Arange(length, ScalarType.Int64, positions.Device);
        var queries = positions.View(positions.Size(0), 1, 1, -1, 1);
        var future = keys.Gt(queries);
        return scope.Keep(window < length ? future.LogicalOr((queries - window).Ge(keys)) : future);
    }

    // The new tokens' keys, rotated, and values: [B, K, T, D] each.
    private static (Tensor Keys, Tensor Values) Heads(AttentionInput input, RotaryTables rotary, int start)
    {
        using var scope = TensorScope.Open();
        var shape = input.Shape;
        var heads = input.KeysAndValues is { } apart
            ? apart.View(shape.BatchSize, shape.Length, 2 * shape.KeyValueHeads, shape.HeadDim).Transpose(1, 2)
            : SplitHeads(input.Queries, shape).Narrow(1, shape.QueryHeads, 2 * shape.KeyValueHeads);
        // Contiguous: otherwise the product of each expert would keep a copy.
        var keys = RotaryFunction.Apply(heads.Narrow(1, 0, shape.KeyValueHeads), rotary, start).Contiguous();
        return scope.Keep(keys, heads.Narrow(1, shape.KeyValueHeads, shape.KeyValueHeads));
    }

    // [B, T, Width] to [B, heads, T, D]: query heads, key heads, value heads.
    private static Tensor SplitHeads(Tensor qkv, AttentionShape shape) =>
        qkv.View(shape.BatchSize, shape.Length, shape.QueryHeads + 2 * shape.KeyValueHeads, shape.HeadDim).Transpose(1, 2);
}
