using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// Which token goes to which feed-forward expert, sorted by expert: each expert then works on one contiguous batch.
/// An assignment is one of a token's k choices; assignment t·k + j is token t's j-th.
/// </summary>
/// <param name="Counts">Assignments of each expert, [M].</param>
/// <param name="Order">[n·k], int64: the assignment at each sorted place; stable within an expert.</param>
/// <param name="Places">[n·k], int64: the sorted place of each assignment; the inverse of <paramref name="Order"/>.</param>
/// <param name="Tokens">[n·k], int64: the token at each sorted place.</param>
internal sealed record ExpertDispatch(long[] Counts, Tensor Order, Tensor Places, Tensor Tokens)
{
    /// <summary>Sorts the choices by expert.</summary>
    /// <param name="chosen">[n·k], the expert of each assignment.</param>
    /// <param name="experts">M.</param>
    /// <param name="expertsPerToken">k.</param>
    /// <param name="device">Where the index tensors go.</param>
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

        return new(counts, ToDevice(order), ToDevice(places), ToDevice(tokens));

        Tensor ToDevice(long[] indices) => Tensor.From<long>(indices, [indices.Length], device);
    }
}
