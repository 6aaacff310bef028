using System.Text;
using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>Answers a request with texts, as a whole or as a stream.</summary>
internal sealed class TextAnswer(ServedModel served, ServerMetrics metrics, IAnswerForm form, SamplingFields sampling)
{
    private readonly string id = $"{form.IdPrefix}{Guid.NewGuid():n}";
    private readonly long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private int completionTokens;

    /// <summary>Has the texts made and writes them.</summary>
    /// <param name="context">The request.</param>
    /// <param name="texts">What it asks for.</param>
    /// <param name="promptTokens">The number of tokens of its prompts.</param>
    /// <exception cref="ApiException">They cannot be made; nothing is written then.</exception>
    public async Task Write(HttpContext context, IReadOnlyList<TextRequest> texts, int promptTokens)
    {
        RequireAtMost(served.Options.Queue, texts.Count, "texts", "too_many_texts");
        RequireAtMost(served.Options.MaxLogProbs, texts.Sum(text => text.LogProbs), "probabilities", "too_many_logprobs");
        using var job = TextJob.Start(served, texts, metrics, context.RequestAborted);
        metrics.CountPrompt(promptTokens);
        if (sampling.Stream) await Stream(context, job, texts.Count, promptTokens);
        else await WriteWhole(context, job, texts.Count, promptTokens);
    }

    private async Task WriteWhole(HttpContext context, TextJob job, int count, int promptTokens)
    {
        var wholes = Enumerable.Range(0, count).Select(_ => new WholeText()).ToArray();
        await foreach (var part in job.Parts()) wholes[part.Index].Add(part);
        var choices = wholes.Select((whole, index) => form.Choice(whole.ToPart(index))).ToList();
        completionTokens = wholes.Sum(whole => whole.NewTokens);
        await ApiJson.Write(context, AnswerOf(form.Kind, choices, new(promptTokens, completionTokens)));
    }

    private async Task Stream(HttpContext context, TextJob job, int count, int promptTokens)
    {
        var events = new EventStream(context);
        await events.Begin();
        var hasBegun = new bool[count];
        try
        {
            await foreach (var part in job.Parts())
            {
                completionTokens += part.Tokens.Count(token => !token.IsPrompt);
                if (!IsWorthAChunk(part)) continue;
                await events.Send(AnswerOf(form.ChunkKind, [form.ChunkChoice(part, isFirst: !hasBegun[part.Index])]));
                hasBegun[part.Index] = true;
            }

            if (sampling.IncludeUsage) await events.Send(AnswerOf(form.ChunkKind, [], new(promptTokens, completionTokens)));
            await events.End();
        }
        catch (ApiException e)
        {
            // The status is already sent: clients look for an error among the events.
            await events.Send(e.Error);
        }
    }

    private static void RequireAtMost(long most, long count, string what, string code)
    {
        if (count > most)
            throw ApiException.Wrong(null, $"A request may ask for at most {most} {what} here, found {count}.", code);
    }

    // Text that is held back has none, unless its tokens themselves were asked for.
    private bool IsWorthAChunk(TextPart part) =>
        part.Text.Length > 0 || part.FinishReason is not null || (part.Tokens.Count > 0 && form.WritesTokens);

    private Answer AnswerOf(string kind, IReadOnlyList<object> choices, AnswerUsage? usage = null) =>
        new(id, kind, created, served.Id, choices, usage);

    private sealed class WholeText
    {
        private readonly StringBuilder text = new();
        private readonly List<TextToken> tokens = [];
        private string? finishReason;

        public int NewTokens => tokens.Count(token => !token.IsPrompt);

        public void Add(TextPart part)
        {
            text.Append(part.Text);
            tokens.AddRange(part.Tokens);
            finishReason = part.FinishReason;
        }

        public TextPart ToPart(int index) => new(index, text.ToString(), tokens, finishReason);
    }
}
