namespace Bam.Tokenization.PreTokenizers;

/// <summary>Before which pieces a <see cref="Metaspace"/> puts its replacement, unless one begins with it.</summary>
internal enum PrependScheme
{
    /// <summary>All: also those that follow an added token.</summary>
    Always,

    /// <summary>The one that the text begins with.</summary>
    First,

    /// <summary>None.</summary>
    Never,
}
