using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>What a mixture consists of, so that an older one can be told from other models: only a mixture has a record of its making.</summary>
internal static partial class MixtureFiles
{
    /// <summary>The files.</summary>
    public static OwnFiles Own { get; } = new(
        "an older mixture", IsName, directory => File.Exists(Path.Combine(directory, MixtureRecord.FileName)));

    /// <summary>Whether a mixture has a file of that name, relative to its directory.</summary>
    public static bool IsName(string file) =>
        file is ModelConfig.FileName or GenerationSettings.FileName or MixtureRecord.FileName || TokenizerFile.IsName(file) || WeightsOrCode().IsMatch(file);

    // The code is what the form for transformers brings.
    [GeneratedRegex(@"^(model(-\d+-of-\d+)?\.safetensors(\.index\.json)?|\w+_bam\.py)$")]
    private static partial Regex WeightsOrCode();
}
