namespace Bam.Upcycling;

/// <summary>The table of methods.</summary>
internal static class MixtureMethods
{
    /// <summary>Every method.</summary>
    public static readonly IReadOnlyList<IMixtureMethod> All = [new BamMethod(), new BtxMethod(), new SoupMethod(), new SparseMethod()];

    /// <summary>The method of that name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IMixtureMethod Named(string name) =>
        All.FirstOrDefault(method => method.Name == name)
        ?? throw new InvalidInputException("method", string.Join(", ", All.Select(method => method.Name)), name, "choose one of these");
}
