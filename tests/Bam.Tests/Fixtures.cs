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

    /// <summary>The models of <c>tests/fixtures/hf</c>, saved by transformers 5.12.</summary>
    public static readonly string[] HuggingFaceModels =
    [
        "cohere", "cohere-qknorm", "gpt-neox-pythia", "gpt-neox-sequential", "gptj", "llama-gqa", "llama-tied-llama3rope",
        "mistral-sliding",
        "mixtral-top2", "phi", "qwen2-bias", "qwen3-qknorm",
    ];

    /// <summary>The directory of a model of another library.</summary>
    public static string HuggingFaceModel(string name) => Path.Combine(Root(), "hf", name);

    /// <summary>The directory of an input case.</summary>
    public static string Case(string name) => Path.Combine(Root(), "cases", name);

    /// <summary>The directory of a golden model.</summary>
    public static string Model(string name) => Path.Combine(Root(), "bam", name);

    /// <summary>The directory of a tokenizer with reference ids.</summary>
    public static string Tokenizer(string style) => Path.Combine(Root(), "tokenizers", style);

    /// <summary>A file of chat templates with what they render.</summary>
    public static string Chat(string name) => Path.Combine(Root(), "chat", name);

    /// <summary>The directory of Bam's recipes.</summary>
    public static string Recipes => Path.Combine(Root(), "..", "..", "recipes");

    private static string Root([CallerFilePath] string source = "") =>
        Path.Combine(Path.GetDirectoryName(source)!, "..", "fixtures");
}
