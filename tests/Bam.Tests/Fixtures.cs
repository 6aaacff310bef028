using System.Runtime.CompilerServices;
using Xunit;

namespace Bam.Tests;

/// <summary>Paths of the committed fixtures.</summary>
internal static class Fixtures
{
    /// <summary>The seven golden models of <c>tests/fixtures/bam</c>.</summary>
    public static readonly string[] Models =
    [
        "dense-parallel", "bam-expert-kv", "bam-shared-kv", "bam-attention-top2", "bam-sequential-rms", "btx-top1",
        "btx-6-experts-top3",
    ];

    /// <summary>The same for <c>[MemberData]</c>.</summary>
    public static TheoryData<string> ModelNames => [.. Models];

    /// <summary>The models of <c>tests/fixtures/hf</c> and <c>hf-more</c>, saved by transformers 5.12.</summary>
    public static readonly string[] HuggingFaceModels = [.. NamesIn("hf"), .. NamesIn("hf-more")];

    /// <summary>Those without feed-forward experts.</summary>
    public static readonly string[] DenseHuggingFaceModels =
        [.. HuggingFaceModels.Where(name => !name.Contains("moe", StringComparison.Ordinal)
            && !name.StartsWith("mixtral", StringComparison.Ordinal))];

    /// <summary>The directory of a model of another library.</summary>
    public static string HuggingFaceModel(string name) =>
        Path.Combine(Root(), Directory.Exists(Path.Combine(Root(), "hf", name)) ? "hf" : "hf-more", name);

    /// <summary>The directory of a LoRA adapter in PEFT's form, with the logits of base and adapter.</summary>
    public static string Adapter(string name) => Path.Combine(Root(), "adapters", name);

    /// <summary>The directory of an input case.</summary>
    public static string Case(string name) => Path.Combine(Root(), "cases", name);

    /// <summary>The directory of a golden model.</summary>
    public static string Model(string name) => Path.Combine(Root(), "bam", name);

    /// <summary>A text in a file of another writer.</summary>
    public static string Text(string name) => Path.Combine(Root(), "texts", name);

    /// <summary>The directory of a tokenizer with reference ids.</summary>
    public static string Tokenizer(string style) => Path.Combine(Root(), "tokenizers", style);

    /// <summary>A file of chat templates with what they render.</summary>
    public static string Chat(string name) => Path.Combine(Root(), "chat", name);

    /// <summary>The directory of Bam's recipes.</summary>
    public static string Recipes => Path.Combine(Root(), "..", "..", "recipes");

    private static IEnumerable<string> NamesIn(string folder) =>
        Directory.GetDirectories(Path.Combine(Root(), folder)).Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal);

    private static string Root([CallerFilePath] string source = "") =>
        Path.Combine(Path.GetDirectoryName(source)!, "..", "fixtures");
}
