using System.Runtime.CompilerServices;
using Xunit;

namespace Bam.Tests;

/// <summary>Where the committed fixtures are.</summary>
internal static class Fixtures
{
    /// <summary>The seven golden models of <c>tests/fixtures/bam</c>.</summary>
    public static readonly string[] Models =
    [
        "dense-parallel", "bam-expert-kv", "bam-shared-kv", "bam-attention-top2", "bam-sequential-rms", "btx-top1", "btx-6-experts-top3",
    ];

    /// <summary>The same for <c>[MemberData]</c>.</summary>
    public static TheoryData<string> ModelNames => [.. Models];

    /// <summary>The directory of a golden model.</summary>
    public static string Model(string name) => Path.Combine(Root(), "bam", name);

    /// <summary>The directory of a tokenizer with the ids that the reference gives.</summary>
    public static string Tokenizer(string style) => Path.Combine(Root(), "tokenizers", style);

    private static string Root([CallerFilePath] string source = "") => Path.Combine(Path.GetDirectoryName(source)!, "..", "fixtures");
}
