using System.Text.Json;
using Bam.Server.Http;
using Bam.Server.Serving;
using Bam.Tokenization.Chat;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>
/// GET /tokenizer_info, POST /tokenize and POST /detokenize, as vLLM has them and lm-evaluation-harness uses them.
/// </summary>
internal sealed class TokenizerEndpoints(ServedModel served)
{
    private readonly TokenizerInfo info = TokenizerInfo.Of(served);

    public Task Info(HttpContext context) => ApiJson.Write(context, info);

    public async Task Tokenize(HttpContext context)
    {
        var fields = await ApiJson.Read(context);
        SamplingFields.RequireModel(fields, served);
        var text = fields.Text("prompt") ?? throw ApiException.Wrong("prompt", "'prompt' must be a string.");
        var addSpecialTokens = fields.Flag("add_special_tokens", ifAbsent: true);
        var hasTokens = fields.Flag("return_token_strs");
        fields.RefuseOthers();
        var ids = served.Tokenizer.Encode(text, addSpecialTokens);
        IReadOnlyList<string?>? tokens = hasTokens ? [.. ids.Select(served.Tokenizer.IdToToken)] : null;
        await ApiJson.Write(context, new TokenizedText(ids.Length, served.Context, ids, tokens));
    }

    public async Task Detokenize(HttpContext context)
    {
        var fields = await ApiJson.Read(context);
        SamplingFields.RequireModel(fields, served);
        if (fields.Value("tokens") is not { ValueKind: JsonValueKind.Array } tokens)
            throw ApiException.Wrong("tokens", "'tokens' must be a list of token ids.");
        fields.RefuseOthers();
        var ids = TokenIds.Read(tokens, "tokens", served.Config.VocabSize);
        await ApiJson.Write(context, new DetokenizedText(served.Tokenizer.Decode(ids)));
    }
}

/// <summary>A text's tokens.</summary>
internal sealed record TokenizedText(int Count, int MaxModelLen, IReadOnlyList<int> Tokens, IReadOnlyList<string?>? TokenStrs);

/// <summary>The text of tokens.</summary>
internal sealed record DetokenizedText(string Prompt);

/// <summary>What clients ask of a tokenizer: the names of its special tokens, and the chat template.</summary>
internal sealed record TokenizerInfo(
    string TokenizerClass, string? BosToken, string? EosToken, string? PadToken, string? ChatTemplate, int ModelMaxLength,
    int VocabSize)
{
    /// <summary>
    /// The tokens of <c>tokenizer_config.json</c>, as transformers reads them; without the file those that the tokenizer itself
    /// has.
    /// </summary>
    public static TokenizerInfo Of(ServedModel served)
    {
        var tokenizer = served.Tokenizer;
        var named = ChatTemplateFiles.SpecialTokens(served.Directory);
        var isConfigured = named.Count > 0;
        return new(
            "PreTrainedTokenizerFast",
            NameOf("bos_token", tokenizer.IdsBefore is [var first, ..] ? first : null),
            NameOf("eos_token", tokenizer.EndOfTextId),
            NameOf("pad_token", null),
            served.Chat.UsualTemplate, served.Context, tokenizer.VocabSize);

        string? NameOf(string name, int? id) =>
            named.TryGetValue(name, out var token) ? token.GetString()
                : isConfigured || id is null ? null
                : tokenizer.IdToToken(id.Value);
    }
}
