using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// Which token goes to which expert, sorted by expert: each expert then works on one contiguous batch.
/// An assignment is one of a token's k choices; assignment t·k + j is token t's j-th.
/// </summary>
/// <param name="Counts">Assignments of each expert, [experts].</param>
/// <param name="Shares">The part of all assignments that each expert has, [experts] in float32.</param>
/// <param name="Order">[m], int64: the assignment at each sorted place, stable within an expert; of all experts n·k.</param>
/// <param name="Places">
/// [n·k], int64: the sorted place of each assignment, the inverse of <paramref name="Order"/>; m for those to other experts.
/// </param>
/// <param name="Tokens">[m], int64: the token at each sorted place.</param>
internal sealed record ExpertDispatch(long[] Counts, Tensor Shares, Tensor Order, Tensor Places, Tensor Tokens)
{
    /// <summary>Sorts the choices [n, k], int64, by expert, on their device.</summary>
    public static ExpertDispatch Sort(Tensor chosen, int experts)
    {
        using var scope = TensorScope.Open();
        var perToken = (int)chosen.Size(1);
        var sorted = chosen.Device.IsCpu
            ? Sort(chosen.AsSpan<long>(), experts, perToken, chosen.Device)
            : SortByOperators(chosen.Reshape(-1), experts, perToken);
        foreach (var tensor in new[] { sorted.Shares, sorted.Order, sorted.Places, sorted.Tokens }) scope.Keep(tensor);
        return sorted;
    }

    /// <summary>Sorts the choices [n·k] by expert; the index tensors are on <paramref name="device"/>.</summary>
    public static ExpertDispatch Sort(ReadOnlySpan<long> chosen, int experts, int expertsPerToken, Device device)
    {
        var counts = new long[experts];
        foreach (var expert in chosen) counts[expert]++;

        var next = new long[experts];
        for (var expert = 1; expert < experts; expert++) next[expert] = next[expert - 1] + counts[expert - 1];

        var (order, places, tokens) = (new long[chosen.Length], new long[chosen.Length], new long[chosen.Length]);
        for (var assignment = 0; assignment < chosen.Length; assignment++)
        {
            var place = next[chosen[assignment]]++;
            order[place] = assignment;
            tokens[place] = assignment / expertsPerToken;
            places[assignment] = place;
        }

        var total = (float)chosen.Length;
        return new(
            counts, Tensor.From<float>(Array.ConvertAll(counts, count => count / total), [experts], device),
            ToDevice(order), ToDevice(places), ToDevice(tokens));

        Tensor ToDevice(long[] indices) => Tensor.From<long>(indices, [indices.Length], device);
    }

    /// <summary>The same on any device: only the counts leave a GPU, which otherwise need not wait.</summary>
    public static ExpertDispatch SortByOperators(Tensor chosen, int experts, int expertsPerToken)
    {
        var counts = chosen.Unsqueeze(1).Eq(Tensor.Arange(experts, ScalarType.Int64, chosen.Device)).Sum(0);
        var order = chosen.ArgSort();
        return new(
            counts.ToArray<long>(), counts.To(ScalarType.Float32) / chosen.Count, order, order.ArgSort(),
            order.FloorDivide(expertsPerToken));
    }

    /// <summary>The assignments to some of the experts.</summary>
    public ExpertDispatch Of(ExpertRange experts)
    {
        if (experts.Count == Counts.Length) return this;
        using var scope = TensorScope.Open();
        var first = Counts[..experts.First].Sum();
        var counts = Counts[experts.First..(experts.First + experts.Count)];
        var count = counts.Sum();
        // Places before the first become negative, and are outside as well.
        var places = Places - first;
        var isOutside = places.Lt(0).LogicalOr(places.Ge(count));
        var part = new ExpertDispatch(
            counts, Shares, Order.Narrow(0, first, count).Contiguous(), places.MaskedFill(isOutside, count),
            Tokens.Narrow(0, first, count).Contiguous());
        foreach (var tensor in new[] { part.Order, part.Places, part.Tokens }) scope.Keep(tensor);
        return part;
    }

    /// <summary>Groups the tokens [n, d] by expert: [m, d].</summary>
    public Tensor Gather(Tensor tokens) => PermuteRowsFunction.Apply(tokens, Tokens, Places);

    /// <summary>
    /// Applies a function to each expert's rows, [m, …] to [m, …]. Experts without rows are skipped, but for one if there are no
    /// rows at all: the result has the function's shape, and a graph.
    /// </summary>
    public Tensor Map(Tensor sorted, Func<Tensor, int, Tensor> ofExpert)
    {
        using var scope = TensorScope.Open();
        var batches = sorted.Split(Counts);
        var used = Enumerable.Range(0, Counts.Length).Where(expert => Counts[expert] > 0).DefaultIfEmpty(0);
        return scope.Keep(Tensor.Cat([.. used.Select(expert => ofExpert(batches[expert], expert))]));
    }

    /// <summary>Each token's results, weighted by [n, k] and added up: [m, d] to [n, d].</summary>
    public Tensor Combine(Tensor sorted, Tensor weights)
    {
        using var scope = TensorScope.Open();
        var byToken = PermuteRowsFunction.Apply(sorted, Places, Order);  // [n·k, d]
        var perToken = weights.Size(1);
        return scope.Keep(
            perToken == 1 ? byToken * weights : (byToken.Reshape(-1, perToken, sorted.Size(1)) * weights.Unsqueeze(2)).Sum(1));
    }
}
