namespace Bam.Files;

/// <summary>
/// The name of a model as users write it: a directory, or BASE+ADAPTER, a checkpoint with adapters that are folded into its
/// weights while they are read.
/// </summary>
/// <param name="Base">The checkpoint's directory.</param>
/// <param name="Adapters">The adapters' directories, in the order in which they are folded in.</param>
internal sealed record ModelPath(string Base, IReadOnlyList<string> Adapters)
{
    private const char Separator = '+';

    /// <summary>Every directory of the model, the checkpoint's first.</summary>
    public IReadOnlyList<string> Directories => [Base, .. Adapters];

    /// <summary>Whether the checkpoint and an adapter are in the same directory.</summary>
    public bool IsAdapterInBase =>
        Adapters.Any(adapter => Path.TrimEndingDirectorySeparator(Path.GetFullPath(adapter))
            == Path.TrimEndingDirectorySeparator(Path.GetFullPath(Base)));

    /// <summary>
    /// Splits a text. An existing path is a checkpoint, whatever its name. Other texts are split at the last plus whose two sides
    /// both exist, and then the left side in the same way. A text that cannot be split is a checkpoint that does not exist.
    /// </summary>
    public static ModelPath Of(string text) => Find(text, part => part) ?? new(text, []);

    /// <summary>
    /// Refuses an output below a directory with the whole text as its name: BASE+ADAPTER would mean that directory from then on.
    /// </summary>
    /// <exception cref="InvalidInputException">The output is such a directory, or lies in one.</exception>
    public void RequireNameLeftTo(string output)
    {
        if (Adapters.Count == 0) return;
        var (named, target) = (RealPath.Of(ToString()), RealPath.Of(output));
        if (target == named || RealPath.IsBelow(target, named))
            throw new InvalidInputException(
                $"{output}: makes a directory {this}, which would then be meant instead of this model; choose another output");
    }

    /// <summary>Whether every directory that a text names exists.</summary>
    public static bool Exists(string text) => Find(text, part => part) is not null;

    /// <summary>The text with absolute paths. Relative ones are taken from <paramref name="folder"/>.</summary>
    public static string Absolute(string text, string folder) =>
        Find(text, part => Path.GetFullPath(part, folder))?.ToString() ?? Path.GetFullPath(text, folder);

    /// <summary>The side of the last plus that does not exist, if the other one does; otherwise null.</summary>
    public static string? MissingSide(string text)
    {
        var plus = text.LastIndexOf(Separator);
        if (plus <= 0 || plus == text.Length - 1) return null;
        var (left, right) = (text[..plus], text[(plus + 1)..]);
        return (Exists(left), Path.Exists(right)) switch
        {
            (true, false) => right,
            (false, true) => left,
            _ => null,
        };
    }

    /// <summary>The model with each path changed.</summary>
    public ModelPath Select(Func<string, string> change) => new(change(Base), [.. Adapters.Select(change)]);

    /// <summary>The text that names the model.</summary>
    public override string ToString() => string.Join(Separator, Directories);

    private static ModelPath? Find(string text, Func<string, string> locate)
    {
        if (locate(text) is var whole && Path.Exists(whole)) return new(whole, []);
        for (var plus = text.LastIndexOf(Separator); plus > 0; plus = text.LastIndexOf(Separator, plus - 1))
        {
            if (plus + 1 < text.Length && locate(text[(plus + 1)..]) is var adapter && Path.Exists(adapter)
                && Find(text[..plus], locate) is { } model)
                return model with { Adapters = [.. model.Adapters, adapter] };
        }

        return null;
    }
}
