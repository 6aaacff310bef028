using System.Text.Json;
using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>POST /v1/chat/completions: answers the last message of a conversation.</summary>
internal sealed class ChatCompletions(ServedModel served, ServerMetrics metrics)
{
    public async Task Answer(HttpContext context)
    {
        var fields = await ApiJson.Read(context);
        var sampling = SamplingFields.Read(fields, served);
        RequireNeutral(fields);
        var template = fields.Text("chat_template");
        if (fields.Value("messages") is not { ValueKind: JsonValueKind.Array } messages)
            throw ApiException.Wrong("messages", "'messages' must be a list of messages.");
        var hasLogProbs = fields.Flag("logprobs");
        var topLogProbs = fields.Integer("top_logprobs", 0, SamplingFields.MaxTopLogProbs);
        if (topLogProbs is not null && !hasLogProbs)
            throw ApiException.Wrong("top_logprobs", "'top_logprobs' needs 'logprobs': true.");
        var (maxTokens, field) = MaxTokensOf(fields);
        fields.RefuseOthers();

        var prompt = served.Chat.Encode(messages, template);
        var newTokens = served.NewTokens(prompt.Ids.Length, maxTokens, usual: int.MaxValue, field, "messages");
        var texts = Enumerable.Range(0, sampling.Choices).Select(choice => new TextRequest
        {
            Index = choice,
            Prompt = prompt.Ids,
            MaxTokens = newTokens,
            Sampler = sampling.SamplerOf(choice),
            Stops = sampling.Stops,
            EndIds = sampling.IgnoreEnd ? sampling.EndIds : new HashSet<int>([.. sampling.EndIds, .. prompt.EndIds]),
            TopLogProbs = hasLogProbs ? (int)(topLogProbs ?? 0) : null,
            TraceRouting = sampling.TraceRouting,
        }).ToList();
        var form = new ChatForm(served.Tokenizer, hasLogProbs, sampling.TraceRouting);
        await new TextAnswer(served, metrics, form, sampling).Write(context, texts, prompt.Ids.Length);
    }

    // OpenAI renamed the field; one of them may be given.
    private static (int? MaxTokens, string Field) MaxTokensOf(RequestFields fields)
    {
        const string oldName = "max_tokens", newName = "max_completion_tokens";
        var (old, renamed) = (fields.Integer(oldName, 1, int.MaxValue), fields.Integer(newName, 1, int.MaxValue));
        if (old is not null && renamed is not null && old != renamed)
            throw ApiException.Wrong(oldName, $"'{oldName}' and '{newName}' must not differ.");
        return ((int?)(renamed ?? old), renamed is null ? oldName : newName);
    }

    private static void RequireNeutral(RequestFields fields)
    {
        fields.Neutral("response_format", value => value.ValueKind == JsonValueKind.Object
            && value.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text"));
        foreach (var name in new[] { "tools", "functions" }) fields.Neutral(name, SamplingFields.IsEmpty);
        foreach (var name in new[] { "tool_choice", "function_call" })
            fields.Neutral(name, value => value.ValueKind == JsonValueKind.String
                && (value.ValueEquals("none") || value.ValueEquals("auto")));
        fields.Neutral("store", value => value.ValueKind == JsonValueKind.False);
        fields.Neutral("modalities", value => value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(kind => kind.ValueKind == JsonValueKind.String && kind.ValueEquals("text")));
        // OpenAI's defaults, of models that reason and of others.
        foreach (var (name, usual) in new[] { ("reasoning_effort", "none"), ("verbosity", "medium") })
            fields.Neutral(name, value => value.ValueKind == JsonValueKind.String && value.ValueEquals(usual));
        foreach (var name in new[] { "audio", "web_search_options", "moderation" }) fields.Neutral(name, _ => false);
        // A predicted answer makes OpenAI's faster, and no other.
        fields.Ignore("parallel_tool_calls", "prediction");
    }
}
