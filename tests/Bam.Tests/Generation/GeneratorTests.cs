using System.Text.Json.Nodes;
using Bam.Generation;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Tests.Tokenization;
using Bam.Tokenization;
using Bam.Tokenization.Unicode;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Generation;

[Collection(LibTorchCollection.Name)]
public sealed class GeneratorTests : IDisposable
{
    private const int EndOfText = TinyTokenizer.FirstAdded;

    private static readonly Tokenizer Tokenizer = TinyTokenizer.With(json =>
    {
        var special = TinyTokenizer.Added(EndOfText, "<|endoftext|>");
        special["special"] = true;
        json["added_tokens"] = new JsonArray(special);
    });

    private readonly LanguageModel model = TinyModels.Create(TinyModels.Bam with { VocabSize = EndOfText + 1, LogitScale = 20 });

    public void Dispose() => model.Dispose();

    [Fact]
    public void Greedy_text_is_the_uncached_models()
    {
        var result = Generate("ab", new() { MaxNewTokens = 12, Sampler = new() { Temperature = 0 } });

        var ids = new List<long> { 'a', 'b' };
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        foreach (var token in result.Tokens)
        {
            var logits = model.Logits(Tensor.From<long>([.. ids], [1, ids.Count]));
            token.Id.ShouldBe((int)logits.Select(1, ids.Count - 1).ArgMax().Item<long>());
            ids.Add(token.Id);
        }

        result.Tokens.Count.ShouldBe(12);
        result.StopReason.ShouldBe(StopReason.MaxTokens);
        result.PromptTokens.ShouldBe(2);
    }

    [Fact]
    public void A_stop_string_that_is_a_special_token_ends_the_text_at_its_id()
    {
        // Every token that the model generates is special, so that there is no text.
        var tokenizer = TinyTokenizer.With(json => json["added_tokens"] = new JsonArray([.. Enumerable.Range(0, 256).Select(id =>
        {
            var token = TinyTokenizer.Added(id, ByteAlphabet.LetterOf((byte)id).ToString());
            token["special"] = true;
            return token;
        })]));
        var options = new GenerationOptions { MaxNewTokens = 12, Sampler = new() { Temperature = 0 } };
        var ids = new Generator(model, tokenizer).Run(['a'], options).Tokens.Select(token => token.Id).ToList();
        var id = ids.First(candidate => candidate < 256);

        var stopped = new Generator(model, tokenizer).Run(['a'], options with { StopStrings = [tokenizer.IdToToken(id)!] });

        stopped.StopReason.ShouldBe(StopReason.StopString);
        stopped.Tokens.Select(token => token.Id).ShouldBe(ids[..(ids.IndexOf(id) + 1)]);
    }

    [Fact]
    public void A_special_token_beside_other_text_never_comes_and_is_refused_as_a_stop_string() =>
        Should.Throw<InvalidInputException>(
            () => Generate("a", new() { MaxNewTokens = 8, StopStrings = ["fine", "<|endoftext|>\n"] })).Message
            .ShouldStartWith(
                "--stop \"<|endoftext|>\n\": expected text, or one special token, found the special token \"<|endoftext|>\" "
                    + "beside other text; give \"<|endoftext|>\" alone");

    [Fact]
    public void Pieces_are_the_text_and_a_seed_gives_it_again()
    {
        var pieces = new List<string>();
        var options = new GenerationOptions { MaxNewTokens = 20, Sampler = new() { Seed = 5 } };
        var result = new Generator(model, Tokenizer).Run(['a'], options, token => pieces.Add(token.Text));
        string.Concat(pieces).ShouldBe(result.Text);
        result.Text.ShouldBe(Tokenizer.Decode([.. result.Tokens.Select(token => token.Id)], skipSpecialTokens: true));
        Generate("a", options).Text.ShouldBe(result.Text);
        Generate("a", options with { Sampler = new() { Seed = 6 } }).Text.ShouldNotBe(result.Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_end_of_text_token_ends_it_and_has_no_text(bool isOneOfSeveral)
    {
        var options = new GenerationOptions { MaxNewTokens = 20, Sampler = new() { Temperature = 0 } };
        var plain = Generate("ab", options).Tokens.Select(token => token.Id).ToArray();
        var end = plain[^1];
        using var ending = TinyModels.Create(model.Config with { EosTokenIds = isOneOfSeveral ? [0, end] : [end] });
        var result = new Generator(ending, Tokenizer).Run(['a', 'b'], options);
        result.StopReason.ShouldBe(StopReason.EndOfText);
        result.Tokens.Select(token => token.Id).ShouldBe(plain[..(Array.IndexOf(plain, end) + 1)]);
        result.Text.ShouldBe(Tokenizer.Decode(plain.AsSpan(0, Array.IndexOf(plain, end)), skipSpecialTokens: true));
    }

    [Fact]
    public void A_stop_string_ends_it()
    {
        var options = new GenerationOptions { MaxNewTokens = 20 };
        var plain = Generate("ab", options);
        var stop = plain.Text.Substring(3, 2);
        var result = Generate("ab", options with { StopStrings = [stop] });
        result.StopReason.ShouldBe(StopReason.StopString);
        result.Text.ShouldBe(plain.Text[..plain.Text.IndexOf(stop, StringComparison.Ordinal)]);
        result.Tokens.Count.ShouldBeLessThan(20);
    }

    [Fact]
    public void An_interruption_ends_it_with_what_there_is()
    {
        using var source = new CancellationTokenSource();
        var options = new GenerationOptions { MaxNewTokens = 20 };
        var reported = 0;
        var result = new Generator(model, Tokenizer).Run(
            ['a'], options, _ => { if (++reported == 3) source.Cancel(); }, source.Token);
        result.StopReason.ShouldBe(StopReason.Interrupted);
        result.Tokens.Count.ShouldBe(4);
    }

    [Fact]
    public void Traced_tokens_are_the_same_and_come_with_their_own_experts()
    {
        var options = new GenerationOptions { MaxNewTokens = 6, Sampler = new() { Seed = 2 } };
        var plain = Generate("ab", options);
        var traced = Generate("ab", options with { TraceRouting = true });
        traced.Tokens.Select(token => token.Id).ShouldBe(plain.Tokens.Select(token => token.Id));
        traced.Text.ShouldBe(plain.Text);

        // The last token's experts are equal to those of a full forward pass.
        using var scope = TensorScope.Open();
        var ids = new long[] { 'a', 'b' }.Concat(traced.Tokens.Select(token => (long)token.Id)).ToArray();
        var trace = new RoutingTrace(model.Config);
        using var cache = model.CreateCache(ids.Length);
        model.NextLogits(Tensor.From<long>(ids, [1, ids.Length]), cache, trace);
        for (var layer = 0; layer < model.Config.NumHiddenLayers; layer++)
        {
            var (found, expected) = (traced.Tokens[^1].Route![layer], trace.LastToken[layer]);
            found.FeedForwardExperts.ShouldBe(expected.FeedForwardExperts);
            found.AttentionGates.Zip(expected.AttentionGates).ShouldAllBe(pair => Math.Abs(pair.First - pair.Second) < 1e-5);
        }
    }

    [Fact]
    public void All_positions_can_be_used_and_no_more()
    {
        var generator = new Generator(model, Tokenizer);
        generator.RoomAfter(2).ShouldBe(30);
        generator.Run(['a', 'b'], new() { MaxNewTokens = 30, TraceRouting = true }).Tokens.Count.ShouldBeLessThanOrEqualTo(30);
        generator.Run(['a', 'b'], new()).Tokens.Count.ShouldBeLessThanOrEqualTo(30);
        Should.Throw<InvalidInputException>(() => generator.Run(['a', 'b'], new() { MaxNewTokens = 31 }))
            .Message.ShouldBe(
                "--max-tokens: expected at most 30 after a prompt of 2 tokens (max_position_embeddings 32), found 31; ask for "
                    + "fewer, or shorten the prompt");
        Should.Throw<InvalidInputException>(() => generator.Run(new int[32], new() { MaxNewTokens = 1 }))
            .Message.ShouldBe("the prompt: expected fewer than 32 tokens (max_position_embeddings), found 32; shorten it");
    }

    [Fact]
    public void An_empty_prompt_is_the_beginning_of_a_document()
    {
        new Generator(model, Tokenizer).Encode("").ShouldBe([EndOfText]);
        Should.Throw<InvalidInputException>(() => new Generator(model, TinyTokenizer.With(_ => { })).Encode("")).Message
            .ShouldStartWith("the prompt: expected text");
    }

    [Fact]
    public void No_tensor_is_left()
    {
        var live = Tensor.LiveCount;
        Generate("ab", new() { MaxNewTokens = 4, TraceRouting = true });
        Tensor.LiveCount.ShouldBe(live, TensorLeaks.Report());
    }

    private GenerationResult Generate(string prompt, GenerationOptions options)
    {
        var generator = new Generator(model, Tokenizer);
        return generator.Run(generator.Encode(prompt), options);
    }
}
