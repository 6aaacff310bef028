using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>A tokenizer with half a surrogate pair as its last key.</summary>
public sealed class HalfSurrogatesInTokenizersTests : IDisposable
{
    private readonly CaseFiles files = new("half-surrogates-in-json");

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_key_is_refused_by_place() => Refused("\\ud800");

    [Theory]
    [InlineData("\"content\":\"<|pad|>\"", "\"content\":\"\\udfff\"")]
    [InlineData("\"special\":true", "\"special\":true,\"\\udfff\":1")]
    [InlineData("\"vocab\":{", "\"vocab\":{\"\\udfff\":999,")]
    [InlineData("\"merges\":[", "\"merges\":[[\"\\udfff\",\"a\"],")]
    public void So_is_one_in_any_other_place(string valid, string damaged)
    {
        var text = File.ReadAllText(files["tokenizer.json"]).Replace(",\"\\ud800\":1}", "}", StringComparison.Ordinal);
        text.ShouldContain(valid);
        var place = text.IndexOf(valid, StringComparison.Ordinal);
        File.WriteAllText(files["tokenizer.json"], text[..place] + damaged + text[(place + valid.Length)..]);
        Refused("\\udfff");
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        File.WriteAllText(files["tokenizer.json"], $"{{\"model\":{new string('[', 200_000)}");
        CommandLineRun.Of("tokenizer", "encode", "--tokenizer", files["tokenizer.json"], "--text", "a").Error.ShouldBe(
            $"bam: {files["tokenizer.json"]}: nested deeper than 64 levels (line 1, byte 73); restore the file from its "
            + "source\n");
    }

    private void Refused(string half)
    {
        var model = files["model"];
        File.WriteAllText(
            files["model/config.json"],
            File.ReadAllText(files["model/config.json"]).Replace("\\udc00x", "float32", StringComparison.Ordinal));
        File.Copy(files["tokenizer.json"], files["model/tokenizer.json"]);
        string[][] verbs =
        [
            ["tokenizer", "encode", "--tokenizer", files["tokenizer.json"], "--text", "a"],
            ["generate", model, "--prompt", "a"],
            ["mix", "btx", "--seed", model, "--expert", model, "--output", files["out"]],
            ["mix", "btx", "--seed", model, "--expert", model, "--resize-embeddings", "--output", files["out"]],
            ["export", model, "--format", "gguf", "--output", files["out"]],
            ["inspect", model],
        ];
        foreach (var arguments in verbs)
        {
            var run = CommandLineRun.Of(arguments);
            run.Status.ShouldBe(2, string.Join(' ', arguments));
            run.Error.ShouldContain("tokenizer.json: line 1, byte ");
            run.Error.ShouldContain($": expected Unicode text, found half of a surrogate pair, {half}; ");
            run.Error.Count(letter => letter == '\n').ShouldBe(1);
        }
    }
}
