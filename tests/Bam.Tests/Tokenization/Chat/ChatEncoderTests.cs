using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Tokenization;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization.Chat;

public class ChatEncoderTests
{
    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const string Instructions =
        "{{ '<s>' }}{% for m in messages %}{% if m.role == 'user' %}[Q] {{ m.content }} [/Q]"
        + "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}";

    private const string Marked =
        "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}!{% endgeneration %};"
        + "{% else %}{{ m.role }}:{{ m.content }};{% endif %}{% endfor %}";

    private const string Plain =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

    public static TheoryData<string, string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, string>();
            // The vocabulary of the style metaspace lacks many letters.
            foreach (var style in new[] { "cohere", "gemma", "gpt2", "llama2", "llama3", "mistral", "neox-prefix-space" })
            {
                cases.Add(style, ChatMl, "{0}<|im_end|>");
                cases.Add(style, Instructions, " {0}</s>");
                cases.Add(style, Marked, "{0}!");
                cases.Add(style, Plain, "{0}\n");
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_masked_ids_are_exactly_the_answers(string style, string template, string answer)
    {
        var tokenizer = WithMarks(style);
        var encoder = Encoder(tokenizer, template);
        string[] answers = ["the sun", "Ja, the end. ", "x"];
        var conversation = Conversation.Of(null, "a question").With("assistant", answers[0]).With("user", " the 2nd ")
            .With("assistant", answers[1]).With("user", "?").With("assistant", answers[2]);

        var encoded = encoder.Encode(conversation, answersOnly: true);

        encoded.Answers.Select(range => Text(tokenizer, encoded.Ids[range]))
            .ShouldBe(answers.Select(content => string.Format(null, answer, content)));
        // Some of the tokenizers begin a text, and text after a special token, with a space.
        WithoutSpaces(Text(tokenizer, encoded.Ids)).ShouldBe(
            WithoutSpaces(ChatTemplateTests.Template(template).Render(conversation).Text));
        encoder.Encode(conversation, answersOnly: false).Answers.ShouldBeEmpty();
    }

    [Fact]
    public void A_prompt_is_the_beginning_of_the_conversation()
    {
        var tokenizer = WithMarks("gpt2");
        var encoder = Encoder(tokenizer, ChatMl);
        var prompt = encoder.EncodePrompt(Conversation.Of("Be brief.", "the question"));
        var whole = encoder.Encode(Conversation.Of("Be brief.", "the question").With("assistant", "the answer"), true);
        whole.Ids.AsSpan().StartsWith(prompt).ShouldBeTrue();
        whole.Answers.ShouldHaveSingleItem().Start.Value.ShouldBe(prompt.Length);
        tokenizer.IdToToken(encoder.EndOfTurnIds().ShouldHaveSingleItem()).ShouldBe("<|im_end|>");
        Encoder(tokenizer, Plain).EndOfTurnIds().ShouldBeEmpty();
    }

    [Fact]
    public void Special_tokens_are_recognized_and_none_is_added()
    {
        var tokenizer = Tokenizer.Parse(Encoding.UTF8.GetBytes(TinyTokenizer.JsonWithTemplate(1).ToJsonString()), "t");
        var begin = tokenizer.IdsBefore.ShouldHaveSingleItem();
        Encoder(tokenizer, "<s>{{ messages[0].content }}").EncodePrompt(Conversation.Of(null, "the"))
            .ShouldBe([begin, TinyTokenizer.The]);
        Encoder(tokenizer, "{{ messages[0].content }}").EncodePrompt(Conversation.Of(null, "the")).ShouldBe([TinyTokenizer.The]);
    }

    [Fact]
    public void A_template_that_writes_nothing_makes_no_prompt()
    {
        var encoder = Encoder(WithMarks("gpt2"), "{% for m in messages %}{% endfor %}");
        Should.Throw<InvalidInputException>(() => encoder.EncodePrompt(Conversation.Of(null, "a"))).Message.ShouldBe(
            "t: expected a template that writes the messages, found one that writes nothing for them; correct or replace it");
    }

    [Fact]
    public void A_template_that_writes_beginnings_otherwise_is_refused()
    {
        var encoder = Encoder(WithMarks("gpt2"), "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}");
        Should.Throw<InvalidInputException>(() => encoder.Encode(Conversation.Of(null, "a").With("assistant", "b"), true)).Message
            .ShouldBe(
                "t: expected a template that writes the first messages as it writes the whole, or marks the answers by "
                + "{% generation %}, found other text at message 1; cut the conversation there, give a template with marks by "
                + "--template, or train on all of the text");
    }

    private static string WithoutSpaces(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    private static ChatEncoder Encoder(Tokenizer tokenizer, string source)
    {
        var template = ChatTemplateTests.Template(source);
        return new(tokenizer, template, template);
    }

    // The bytes of each token, for decoders drop spaces at the start of a text.
    private static string Text(Tokenizer tokenizer, ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            if (tokenizer.IsSpecial(id)) bytes.AddRange(Encoding.UTF8.GetBytes(tokenizer.IdToToken(id)!));
            else bytes.AddRange(tokenizer.BytesOf(id));
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    // A tokenizer of the fixtures that has the templates' special tokens as well.
    private static Tokenizer WithMarks(string style)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Tokenizer(style), "tokenizer.json")))!.AsObject();
        var added = json["added_tokens"]!.AsArray();
        var next = Tokenizer.Load(Fixtures.Tokenizer(style)).VocabSize;
        foreach (var token in new[] { "<|im_start|>", "<|im_end|>", "<s>", "</s>" })
        {
            if (added.Any(known => known!["content"]!.GetValue<string>() == token)) continue;
            added.Add(new JsonObject
            {
                ["id"] = next++, ["content"] = token, ["special"] = true, ["normalized"] = false, ["single_word"] = false,
                ["lstrip"] = false, ["rstrip"] = false,
            });
        }

        return Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(json), style);
    }
}
