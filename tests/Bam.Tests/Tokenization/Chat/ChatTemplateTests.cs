using System.Text.Json;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization.Chat;

public sealed class ChatTemplateTests : IDisposable
{
    private const string Turns =
        "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        + "{% if add_generation_prompt %}<assistant>{% endif %}";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_template_of_the_settings_knows_the_special_tokens()
    {
        Write(
            "tokenizer_config.json",
            new { bos_token = new { content = "<s>" }, eos_token = (string?)null, chat_template = Turns });
        Write("special_tokens_map.json", new { bos_token = "<other>", eos_token = "</s>" });
        ChatTemplateFiles.Load(directory.Root).Render(User("hi"), addGenerationPrompt: true).Text
            .ShouldBe("<s><user>hi</><assistant>");
    }

    [Fact]
    public void The_templates_of_files_come_before_those_of_the_settings()
    {
        Write("tokenizer_config.json", new { chat_template = "settings" });
        Write("chat_template.json", new { chat_template = "old" });
        Rendered().ShouldBe("settings");
        File.WriteAllText(directory["chat_template.jinja"], "file");
        Rendered().ShouldBe("file");
        Directory.CreateDirectory(directory["additional_chat_templates"]);
        File.WriteAllText(directory["additional_chat_templates/tool_use.jinja"], "tools");
        File.WriteAllText(directory["additional_chat_templates/rag.jinja"], "rag");
        Rendered().ShouldBe("file");
        Rendered("rag").ShouldBe("rag");
        Rendered(hasTools: true).ShouldBe("tools");
        Rendered("default", hasTools: true).ShouldBe("file");
    }

    [Fact]
    public void An_old_file_of_a_processor_is_read_where_nothing_else_is_there()
    {
        Write("chat_template.json", new { chat_template = "old" });
        Rendered().ShouldBe("old");
    }

    [Fact]
    public void Settings_may_name_several_templates()
    {
        Write("tokenizer_config.json", new
        {
            chat_template = new[] { new { name = "default", template = "a" }, new { name = "tool_use", template = "b" } },
        });
        Rendered().ShouldBe("a");
        Rendered(hasTools: true).ShouldBe("b");
        Should.Throw<InvalidInputException>(() => Rendered("rag")).Message.ShouldBe(
            $"{directory.Root}: expected a chat template 'rag', found only 'default', 'tool_use'; "
                + "choose one of them by --template");
    }

    [Fact]
    public void A_name_may_be_a_file()
    {
        File.WriteAllText(directory["mine.jinja"], "mine");
        Rendered(directory["mine.jinja"]).ShouldBe("mine");
    }

    [Fact]
    public void Without_a_template_the_message_says_where_one_may_be()
    {
        Should.Throw<InvalidInputException>(() => Rendered()).Message.ShouldBe(
            $"{directory.Root}: expected a chat template (chat_template.jinja, or chat_template in tokenizer_config.json), "
                + "found none; "
                + "use a model that was trained on conversations, or give a file by --template FILE.jinja");
        Write("tokenizer_config.json", new { chat_template = new[] { 1 } });
        Should.Throw<InvalidInputException>(() => Rendered()).Message.ShouldContain("a template, or a list of objects with");
    }

    [Fact]
    public void The_last_message_can_be_continued()
    {
        var conversation = User("hi").With("assistant", " Sure, ");
        Template(Turns).RenderToContinue(conversation).ShouldBe("<user>hi</><assistant> Sure, ");
        Template(Turns.Replace("m.content", "m.content | trim", StringComparison.Ordinal)).RenderToContinue(conversation)
            .ShouldBe("<user>hi</><assistant>Sure,");
        Should.Throw<InvalidInputException>(() => Template("nothing").RenderToContinue(conversation)).Message
            .ShouldContain("a template that writes the last message");
    }

    [Fact]
    public void Parts_are_joined_for_templates_that_know_strings_alone()
    {
        var parts = Conversation.Parse(
            """[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]""", "m");
        Template(Turns).Render(parts).Text.ShouldBe("<user>a\nb</>");
        Template("{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}").Render(parts).Text
            .ShouldBe("[a][b]");
    }

    [Fact]
    public void The_date_is_that_of_source_date_epoch()
    {
        var before = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
        try
        {
            Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", "86400");
            Template("{{ strftime_now('%d %b %Y') }}").Render(User("")).Text.ShouldBe("02 Jan 1970");
        }
        finally
        {
            Environment.SetEnvironmentVariable("SOURCE_DATE_EPOCH", before);
        }
    }

    [Fact]
    public void A_template_goes_on_after_it_refused_messages()
    {
        var template = Template(
            "{% macro f(m) %}{% if m.content == 'bad' %}{{ raise_exception('bad') }}{% endif %}ok{% endmacro %}"
            + "{% for m in messages %}{{ f(m) }}{% endfor %}");
        for (var i = 0; i < 600; i++) Should.Throw<InvalidInputException>(() => template.Render(User("bad")));
        template.Render(User("good")).Text.ShouldBe("ok");
    }

    [Fact]
    public void Marks_are_no_letters_of_the_messages()
    {
        var text = "\uE000\uE001\uE002";
        var rendered = Template("{% generation %}{{ messages[0].content }}{% endgeneration %}\uE003").Render(User(text));
        rendered.Text.ShouldBe(text + "\uE003");
        rendered.Generated.ShouldBe([0..3]);
    }

    [Fact]
    public void Order_and_kind_of_json_values_are_kept()
    {
        var conversation = Conversation.Parse(
            """{"messages":[{"role":"user","content":"x","b":{"10":1,"9":1.0,"a":[true,null,12345678901234567890]}}]}""", "m");
        Template("{{ messages[0].b }} {{ messages[0].b | tojson }}").Render(conversation).Text.ShouldBe(
            "{'10': 1, '9': 1.0, 'a': [True, None, 12345678901234567890]} "
            + "{\"10\": 1, \"9\": 1.0, \"a\": [true, null, 12345678901234567890]}");
    }

    [Theory]
    [InlineData("{}", "m: expected the field \"messages\" or \"conversations\", found no field; ")]
    [InlineData("""{"text":"a"}""", "m: expected the field \"messages\" or \"conversations\", found only \"text\"; ")]
    [InlineData("3", "m: expected an object or a list of messages, found 3; ")]
    [InlineData("[3]", "m[0]: expected a message, found 3; ")]
    [InlineData("""[{"content":"a"}]""", "m[0], \"role\": expected the name of a role, found none; ")]
    [InlineData("""[{"role":5,"content":"a"}]""", "m[0], \"role\": expected the name of a role, found 5; ")]
    [InlineData(
        """[{"from":"nobody","value":"a"}]""",
        "m[0], \"from\": expected human, gpt, system, tool or another name of them, found 'nobody'; ")]
    [InlineData(
        """[{"role":"user","content":{"a":1}}]""",
        "m[0], \"content\": expected text, or a list of parts with text, found an object; ")]
    [InlineData(
        """[{"role":"user","content":[{"type":"image","url":"x"}]}]""",
        "m[0], \"content\"[0]: expected a part of the type 'text', found 'image'; ")]
    [InlineData("""{"messages":{"a":1}}""", "m, \"messages\": expected a list of messages, found an object; ")]
    [InlineData("""{"messages":[],"tools":"{"}""", "m, \"tools\": not JSON ")]
    public void What_is_no_conversation_is_refused(string json, string message) =>
        Should.Throw<InvalidInputException>(() => Conversation.Parse(json, "m")).Message.ShouldStartWith(message);

    [Theory]
    [InlineData("""[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]""", "user=a;assistant=b;")]
    [InlineData(
        """{"conversations":[{"from":"system","value":"a"},{"from":"function_response","value":"b"}]}""", "system=a;tool=b;")]
    [InlineData("""{"conversations":[{"role":"user","content":"a"}]}""", "user=a;")]
    [InlineData("""[{"role":"user","content":null},{"role":"user"},{"role":"user","content":4.50}]""", "user=;user=;user=4.50;")]
    [InlineData("""[{"role":"x","content":"a","role":"user","content":"b"}]""", "user=b;")]
    [InlineData("""{"messages":null}""", "")]
    public void Messages_of_several_forms_are_read(string json, string expected) =>
        Template("{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}").Render(Conversation.Parse(json, "m")).Text
            .ShouldBe(expected);

    [Fact]
    public void Calls_of_tools_keep_their_content_and_get_objects_as_arguments()
    {
        var conversation = Conversation.Parse(
            """
            {"messages":[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a\": 1}"}}]}],
             "tools":"[{\"type\":\"function\"}]"}
            """,
            "m");
        Template("{{ messages[0].content }} {{ messages[0].tool_calls[0].function.arguments.a }} {{ tools | length }}")
            .Render(conversation).Text.ShouldBe("None 1 1");
    }

    internal static ChatTemplate Template(string source) => new(source, "t", new Dictionary<string, JsonElement>());

    private static Conversation User(string text) => Conversation.Of(system: null, text);

    private string Rendered(string? name = null, bool hasTools = false) =>
        ChatTemplateFiles.Load(directory.Root, name, hasTools).Render(User("hi")).Text;

    private void Write(string name, object content) => File.WriteAllText(directory[name], JsonSerializer.Serialize(content));
}
