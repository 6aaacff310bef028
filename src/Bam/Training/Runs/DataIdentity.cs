using System.Security.Cryptography;
using Bam.Files;

namespace Bam.Training.Runs;

/// <summary>Which tokens a domain's windows come from, without reading them all: the index and the size of the tokens.</summary>
/// <param name="Domain">The domain's name.</param>
/// <param name="IndexSha256">SHA-256 of the .idx file, which holds every document's length.</param>
/// <param name="TokenBytes">The size of the .bin file.</param>
/// <param name="BeginOfWindow">The token that each window begins with; null for none.</param>
public sealed record DataIdentity(string Domain, string IndexSha256, long TokenBytes, int? BeginOfWindow = null)
{
    /// <summary>The identity of a .bin/.idx pair.</summary>
    /// <param name="domain">The domain's name.</param>
    /// <param name="prefix">The pair's path without its endings.</param>
    /// <param name="beginOfWindow">The token that each window begins with; null for none.</param>
    public static DataIdentity Of(string domain, string prefix, int? beginOfWindow = null)
    {
        using var index = InputFile.OpenRead($"{prefix}.idx", "check the path");
        return new(domain, Convert.ToHexStringLower(SHA256.HashData(index)), new FileInfo($"{prefix}.bin").Length, beginOfWindow);
    }
}
