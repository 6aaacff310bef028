using System.Text.Json;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

/// <summary>Ids and decoded text against Hugging Face tokenizers 0.23, from fixtures/tokenizers.</summary>
public sealed class GoldenTokenizerTests
{
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("cohere")]
    [InlineData("neox-prefix-space")]
    public void Ids_and_text_equal_the_reference(string style)
    {
        var directory = Fixtures.Tokenizer(style);
        var tokenizer = Tokenizer.Load(directory);
        var checkedTexts = 0;
        foreach (var line in File.ReadLines(Path.Combine(directory, "expected.jsonl")))
        {
            var expected = JsonDocument.Parse(line).RootElement;
            var text = expected.GetProperty("text").GetString()!;
            var ids = Ids(expected.GetProperty("ids"));
            var idsWithoutSpecial = Ids(expected.GetProperty("ids_without_special"));
            tokenizer.Encode(text).ShouldBe(ids, text);
            tokenizer.Encode(text, addSpecialTokens: false).ShouldBe(idsWithoutSpecial, text);
            tokenizer.Decode(idsWithoutSpecial).ShouldBe(expected.GetProperty("decoded").GetString(), text);
            checkedTexts++;
        }

        checkedTexts.ShouldBe(23);
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];
}
