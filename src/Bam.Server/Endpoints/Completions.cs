using System.Text.Json;
using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>POST /v1/completions: continues texts, and scores them.</summary>
internal sealed class Completions(ServedModel served, ServerMetrics metrics)
{
    private const int UsualMaxTokens = 16;

    public async Task Answer(HttpContext context)
    {
        var fields = await ApiJson.Read(context);
        var sampling = SamplingFields.Read(fields, served);
        var prompts = CompletionPrompt.Read(fields, served);
        var echo = fields.Flag("echo");
        var topLogProbs = (int?)fields.Integer("logprobs", 0, SamplingFields.MaxTopLogProbs);
        var maxTokens = (int?)fields.Integer("max_tokens", 0, int.MaxValue);
        if (maxTokens == 0 && !echo) throw ApiException.Wrong("max_tokens", "'max_tokens' may be 0 only with 'echo'.");
        if (fields.Integer("best_of", 1, int.MaxValue) is { } bestOf && bestOf != sampling.Choices)
            throw ApiException.Wrong("best_of", "'best_of' must be equal to 'n': this server returns every text that it makes.");
        fields.Neutral("suffix", value => value.ValueKind == JsonValueKind.String && value.ValueEquals(""));
        fields.RefuseOthers();

        var texts = new List<TextRequest>();
        foreach (var prompt in prompts)
        {
            var newTokens = served.NewTokens(prompt.Ids.Length, maxTokens, UsualMaxTokens, "max_tokens", "prompt");
            for (var choice = 0; choice < sampling.Choices; choice++)
            {
                texts.Add(new()
                {
                    Index = texts.Count,
                    Prompt = prompt.Ids,
                    Echo = echo ? prompt.Text : null,
                    MaxTokens = newTokens,
                    Sampler = sampling.SamplerOf(choice),
                    Stops = sampling.Stops,
                    EndIds = sampling.EndIds,
                    TopLogProbs = topLogProbs,
                    TraceRouting = sampling.TraceRouting,
                });
            }
        }

        var form = new CompletionForm(served.Tokenizer, topLogProbs is not null, sampling.TraceRouting);
        await new TextAnswer(served, metrics, form, sampling).Write(context, texts, prompts.Sum(prompt => prompt.Ids.Length));
    }
}
